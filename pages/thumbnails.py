"""Pictures of the pages for the home page: `python -m pages.thumbnails` draws them anew.

Each is an SVG that moves through frames of a real run and holds the last one; where the viewer has asked
for reduced motion it shows the last one alone.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import torch

import engines
from engines import data
from pages.autoregressive import fills
from pages.catalogue import entry
from pages.mixtures.gmm_pictures import ellipse, extent
from pages.ui import shipped
from pages.ui.palette import ROLES, component, label
from pages.ui.stage import Scene

WIDTH, HEIGHT = 360, 220
SECONDS = 0.55  # a frame


def gmm() -> str:
    """EM on iris."""
    points = data.load_points("iris").x
    em = engines.create("gmm", data=points, n_components=3, seed=2, device="cpu")
    frames = [em.frame()]
    while not em.done:
        em.step()
        frames.append(em.frame())
    kept = [frames[i] for i in (0, 1, 2, 4, 6, 10, 16, len(frames) - 1)]
    (x0, x1), (y0, y1) = extent(points)
    scale = min(WIDTH / (x1 - x0), HEIGHT / (y1 - y0))

    def place(x: float, y: float) -> tuple[float, float]:
        return WIDTH / 2 + scale * (x - (x0 + x1) / 2), HEIGHT / 2 - scale * (y - (y0 + y1) / 2)

    groups = []
    for frame in kept:
        shapes = []
        for point, shares in zip(points, frame.arrays["responsibilities"], strict=True):
            colour = mix(shares)
            cx, cy = place(*point)
            shapes.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3" fill="{colour}"/>')
        for k in range(3):
            outline = ellipse(frame.arrays["means"][k], frame.arrays["covariances"][k])[:, -41:]
            line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in outline.T)
            shapes.append(f'<polygon points="{line}" fill="none" stroke="{hex_of(k)}" stroke-width="2.5"/>')
        groups.append("".join(shapes))
    return moving(groups, "EM moving three Gaussians onto the iris data")


def bayes_classifier() -> str:
    """A class's mean, then samples of it."""
    from engines.foundations.bayes_classifier import fit

    images = data.load("mnist")
    fitted = fit(images.x[:4000], images.labels[:4000])
    generator = np.random.default_rng(0)
    groups = []
    for y in range(8):
        noise = torch.tensor(generator.standard_normal((3, 784)))
        drawn = fitted.draw(torch.full((3,), y), noise).clamp(0, 1)
        row = torch.cat([fitted.of(y).mean[None], drawn]).reshape(4, 28, 28).permute(1, 0, 2).reshape(28, 112)
        back = picture(np.rint(255 * row.numpy()).astype(np.uint8))
        groups.append(f'<image x="20" y="70" width="320" height="80" href="{back}"/>')
    return moving(groups, "Each digit's mean and three draws of its Gaussian")


def learning() -> str:
    """Verse made up letter by letter."""
    engine = engines.create("ngram", order=5, n_steps=168, seed=3)
    groups = []
    while not engine.done:
        engine.step()
        if len(engine.text) % 21 == 0:
            lines = [engine.text[i : i + 28].replace("\n", " ") for i in range(0, len(engine.text), 28)]
            rows = [
                f'<text x="14" y="{36 + 30 * i}" font-family="monospace" font-size="19" fill="{ROLES["first"][0]}">'
                f"{escape(line)}</text>"
                for i, line in enumerate(lines)
            ]
            groups.append("".join(rows))
    return moving(groups, "Verse made up letter by letter")


def gan() -> str:
    """The generator's points finding the ring; as images, for a game differs in its last digits between machines."""
    from PIL import Image, ImageDraw

    game = engines.create("gan2d", data=data.load("ring", n=5_000), seed=0)
    groups = []
    for until in (0, 60, 120, 200, 300, 450, 650, 900):
        while game.round < until:
            game.step()
        canvas = Image.new("RGBA", (WIDTH, HEIGHT))
        pen = ImageDraw.Draw(canvas)
        fake = game.frame().arrays["fake"]
        for x, role, r in ((game.shown_real.numpy(), "real", 2), (fake, "generated", 3)):
            for a, b in x:
                at = (WIDTH / 2 + 26 * a, HEIGHT / 2 - 26 * b)
                pen.ellipse([at[0] - r, at[1] - r, at[0] + r, at[1] + r], fill=ROLES[role][0])
        file = io.BytesIO()
        canvas.quantize(16).save(file, format="PNG", optimize=True)
        back = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        groups.append(f'<image x="0" y="0" width="{WIDTH}" height="{HEIGHT}" href="{back}"/>')
    return moving(groups, "Generated points finding the eight modes of a ring")


def gail() -> str:
    """Where a learner has been over Pendulum's states, coming to where its expert was."""
    from PIL import Image, ImageDraw

    from engines.imitation import demonstrations
    from engines.imitation.environments import wrap

    shown = demonstrations.load("pendulum")
    game = engines.create("gail", data=shown, seed=2)
    groups = []
    for until in (1, 6, 12, 20, 30, 45, 60):
        while game.iteration < until:
            game.step()
        canvas = Image.new("RGBA", (WIDTH, HEIGHT))
        pen = ImageDraw.Draw(canvas)
        for states, role, r in ((shown.first(4).states, "real", 2), (game.shown, "generated", 2)):
            for angle, velocity in states:
                at = (WIDTH / 2 + 52 * wrap(angle), HEIGHT / 2 - 12 * velocity)
                pen.ellipse([at[0] - r, at[1] - r, at[0] + r, at[1] + r], fill=ROLES[role][0])
        file = io.BytesIO()
        canvas.quantize(16).save(file, format="PNG", optimize=True)
        back = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        groups.append(f'<image x="0" y="0" width="{WIDTH}" height="{HEIGHT}" href="{back}"/>')
    return moving(groups, "A learner coming to go where its expert went")


def dcgan() -> str:
    """Sixteen codes over the recorded training."""
    from engines import checkpoints

    frames = checkpoints.load_frames(checkpoints.folder("dcgan") / checkpoints.FRAMES)
    kept = [frames[round(i * (len(frames) - 1) / 7)] for i in range(8)]
    groups = []
    for frame in kept:
        rows = frame.arrays["samples"][:18].reshape(3, 6, 28, 28)
        back = picture(rows.transpose(0, 2, 1, 3).reshape(84, 168))
        groups.append(f'<image x="0" y="20" width="360" height="180" href="{back}"/>')
    return moving(groups, "Eighteen codes becoming digits as a generator learns")


def pix2pix() -> str:
    """Eight test outlines, and what they become over the recorded training."""
    from engines import checkpoints
    from engines.data import webp
    from pages.translation.colouring import tests

    frames = checkpoints.load_frames(checkpoints.folder("pix2pix") / checkpoints.FRAMES)
    outlines = np.repeat(tests()["outline"][:8, :, :, None], 3, axis=3)
    kept = [frames[round(i * (len(frames) - 1) / 6)] for i in range(7)]
    groups = []
    for made in [outlines, *(webp.unpack(frame.arrays["made"], height=64)[:8] for frame in kept)]:
        rows = made.reshape(2, 4, 64, 64, 3).transpose(0, 2, 1, 3, 4).reshape(128, 256, 3)
        groups.append(f'<image x="0" y="20" width="360" height="180" href="{picture(rows)}"/>')
    return moving(groups, "Eight outlines becoming coloured drawings as a network learns")


def discogan() -> str:
    """Points of five modes on their way to ten."""
    engine: Any = engines.create(
        "discogan2d", device="cpu", width=32, batch_size=100, n_steps=600, batches_per_step=100, learning_rate=3e-3
    )
    from engines.translation.discogan2d import N_B, RADIUS_B, SPAN, modes

    scale = HEIGHT / (2 * SPAN)
    rings = "".join(
        f'<circle cx="{WIDTH / 2 + scale * x:.1f}" cy="{HEIGHT / 2 - scale * y:.1f}" r="13" fill="none" '
        'stroke="#8a93a0" stroke-width="2"/>'
        for x, y in modes(N_B, RADIUS_B).tolist()
    )
    groups = []
    for step in range(7):
        if step:
            engine.step()
        points = engine.shown if step == 0 else engine.translate("discogan", engine.shown)
        dots = [
            f'<circle cx="{WIDTH / 2 + scale * x:.1f}" cy="{HEIGHT / 2 - scale * y:.1f}" r="3" fill="{hex_of(k)}"/>'
            for (x, y), k in zip(points[:150].tolist(), engine.shown_modes[:150].tolist(), strict=True)
        ]
        groups.append(rings + "".join(dots))
    return moving(groups, "Points of five modes finding ten others")


def filled(images: list[np.ndarray], columns: int, title: str) -> str:
    """Completions (n, 28, 28) of bytes at some steps, as one moving sheet."""
    groups = []
    for levels in images:
        rows = levels.reshape(-1, columns, 28, 28)
        back = picture(rows.transpose(0, 2, 1, 3).reshape(len(rows) * 28, columns * 28))
        height = round(352 * len(rows) / columns)
        groups.append(f'<image x="4" y="{(HEIGHT - height) / 2:.0f}" width="352" height="{height}" href="{back}"/>')
    return moving(groups, title)


def fill_of(scene: Scene, steps: list[int]) -> list[np.ndarray]:
    """The completions after each of these steps, grey where nothing is drawn yet."""
    engine = scene.run.engine
    found = []
    for step in steps:
        while engine.filling.at < step:
            engine.step()
        found.append(fills.shown(engine.frame(), engine.data, engine.filling.order))
    return found


def pixelcnn() -> str:
    """The lower half of a digit completed eight ways."""
    model = shipped.model("pixelcnn")
    x = fills.levels(model, fills.test_image("mnist", 4), seed=4)
    scene = fills.fill_scene(model, x, fills.hidden("lower half"), n=8, seed=1)
    return filled(fill_of(scene, [0, 50, 100, 150, 200, 250, 300, 392]), 4, "Eight completions of half a digit")


def gated_pixelcnn() -> str:
    """One image of each class, row by row."""
    blank, everything = np.zeros((28, 28), dtype=np.uint8), fills.hidden("everything")
    model = shipped.model("gated_pixelcnn")
    scene = fills.fill_scene(model, blank, everything, n=10, labels=tuple(range(10)), seed=2)
    return filled(fill_of(scene, [100, 200, 300, 400, 500, 600, 700, 784]), 5, "Ten digits drawn by their class")


def pixelcnn_pp() -> str:
    """The lower half of a grey digit completed eight ways."""
    model = shipped.model("pixelcnn_pp")
    x = fills.levels(model, fills.test_image("mnist", 3))
    scene = fills.fill_scene(model, x, fills.hidden("lower half"), n=8, seed=1)
    return filled(fill_of(scene, [0, 50, 100, 150, 200, 250, 300, 392]), 4, "Eight completions of a grey digit")


def pixelrnn() -> str:
    """The two LSTMs crossing the image along its diagonals, and what a pixel gets to know through them."""
    from pages.autoregressive.pixelrnn import SPAN, diagonal_bilstm

    film = diagonal_bilstm(18, 13)
    groups = []
    for k in (8, 18, 28, SPAN + 8, SPAN + 18, SPAN + 28, 2 * SPAN):
        sheet = film.draw(film.frames[k])["sheet"]
        groups.append(f'<image x="4" y="40" width="352" height="130" href="{picture(sheet)}"/>')
    return moving(groups, "Two LSTMs crossing an image along its diagonals")


def likelihood() -> str:
    """An image, what each of its pixels costs, and the image decoded from the bytes."""
    from pages.autoregressive.likelihood import compress

    film = compress("pixelcnn", fills.levels(shipped.model("pixelcnn"), fills.test_image("mnist", 0), seed=0), 0)
    groups = []
    for step in (4, 12, 20, 28, 36, 44, 56):
        sheet = film.draw(film.frames[step])["sheet"]
        groups.append(f'<image x="4" y="48" width="352" height="124" href="{picture(sheet)}"/>')
    return moving(groups, "An image becoming bytes and coming back")


def transposed_convolution() -> str:
    """Stamps of a kernel adding up in a larger grid."""
    engine = engines.create("transposed_convolution", size=3, kernel=3, stride=2, values="ones")
    groups = []
    while True:
        frame = engine.frame()
        shapes = []
        for grid, left, cell in ((engine.input, 30, 26), (frame.arrays["output"], 160, 26)):
            for (row, column), value in np.ndenumerate(grid):
                place = f'x="{left + column * cell}" y="{HEIGHT / 2 - len(grid) * cell / 2 + row * cell:.0f}"'
                fill = f'fill="{ROLES["first"][0]}" fill-opacity="{0.08 + 0.22 * value:.2f}"'
                shapes.append(f'<rect {place} width="{cell - 2}" height="{cell - 2}" {fill}/>')
        groups.append("".join(shapes))
        if engine.done:
            return moving(groups, "A kernel stamped nine times into a larger grid")
        engine.step()


def hex_of(k: int) -> str:
    return ROLES[component(k)[1:]][0]


def mix(shares: np.ndarray) -> str:
    """The components' colours blended by responsibility, as on the stage."""
    colours = np.array([[int(hex_of(k)[i : i + 2], 16) for i in (1, 3, 5)] for k in range(len(shares))])
    return "#{:02x}{:02x}{:02x}".format(*(shares @ colours / shares.sum()).astype(int))


def moving(groups: list[str], title: str) -> str:
    """Frames shown one after another by CSS alone, on a white ground that suits both themes."""
    n = len(groups) + 3  # the last frame stays for three more
    rules = [
        f"@keyframes k{i} {{ 0%, {100 * i / n:.2f}% {{ opacity: 0 }} {100 * i / n + 0.01:.2f}%, "
        f"{100 * (i + 1) / n if i < len(groups) - 1 else 100:.2f}% {{ opacity: 1 }} "
        + (f"{100 * (i + 1) / n + 0.01:.2f}%, 100% {{ opacity: 0 }} " if i < len(groups) - 1 else "")
        + f"}} #f{i} {{ opacity: 0; animation: k{i} {n * SECONDS:.2f}s linear infinite }}"
        for i in range(len(groups))
    ]
    last = len(groups) - 1
    still = (
        f"@media (prefers-reduced-motion: reduce) {{ g {{ animation: none !important }} #f{last} {{ opacity: 1 }} }}"
    )
    body = "".join(f'<g id="f{i}">{group}</g>' for i, group in enumerate(groups))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img"><title>{title}</title><style>{"".join(rules)}{still}</style>'
        f'<rect width="100%" height="100%" rx="8" fill="#ffffff"/>{body}</svg>\n'
    )


def variational_gmm() -> str:
    """Ten components on three clusters, their weights as bars that die."""
    points = np.array(data.load("blobs", n=200, seed=0).x)
    vb = engines.create("variational_gmm", data=points, n_components=10, seed=1, device="cpu")
    frames = [vb.frame()]
    while not vb.done:
        vb.step()
        frames.append(vb.frame())
    kept = [frames[min(i, len(frames) - 1)] for i in (0, 4, 10, 20, 40, 80, len(frames) - 1)]
    (x0, x1), (y0, y1) = extent(points)
    scale = min(0.8 * WIDTH / (x1 - x0), HEIGHT / (y1 - y0))

    def place(x: float, y: float) -> tuple[float, float]:
        return 0.42 * WIDTH + scale * (x - (x0 + x1) / 2), HEIGHT / 2 - scale * (y - (y0 + y1) / 2)

    dots = "".join(
        '<circle cx="{:.0f}" cy="{:.0f}" r="2.5" fill="#6b7280"/>'.format(*place(*point)) for point in points
    )
    groups = []
    for frame in kept:
        shapes = [dots]
        for k, weight in enumerate(frame.arrays["weights"]):
            bar = f'<rect x="{WIDTH - 62}" y="{14 + 20 * k}" width="{max(1.0, 110 * weight):.1f}" height="13" '
            shapes.append(f'{bar}fill="{hex_of(k)}"/>')
            if weight > 0.01:
                outline = ellipse(frame.arrays["means"][k], frame.arrays["covariances"][k])[:, -41:]
                line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in outline.T)
                shapes.append(f'<polygon points="{line}" fill="none" stroke="{hex_of(k)}" stroke-width="2.5"/>')
        groups.append("".join(shapes))
    return moving(groups, "Components of a mixture dying until three are left")


def vae() -> str:
    """Codes of test digits spreading and organising over the recorded training."""
    frames = shipped.frames("vae")
    kept = [frames[i] for i in (0, 12, 18, 22, 26, 31, len(frames) - 1)]
    digits, scale = shipped.labels("mnist")[:260], HEIGHT / 7.4
    groups = []
    for frame in kept:
        shapes = [
            f'<circle cx="{WIDTH / 2}" cy="{HEIGHT / 2}" r="{r * scale:.0f}" fill="none" stroke="#6b7280" '
            'stroke-dasharray="5 5"/>'
            for r in (1, 2)
        ]
        for digit, (a, b) in zip(digits, frame.arrays["means"], strict=False):
            x, y = WIDTH / 2 + 1.25 * scale * a, HEIGHT / 2 - scale * b
            if -4 < x < WIDTH + 4 and -4 < y < HEIGHT + 4:
                colour = ROLES[label(int(digit))[1:]][0]
                shapes.append(f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{digit}</text>')
        style = 'font-family="sans-serif" font-size="12" font-weight="700" text-anchor="middle"'
        groups.append(f"<g {style}>{''.join(shapes)}</g>")
    return moving(groups, "Codes of handwritten digits organising on a plane")


def elbo() -> str:
    """The models of the sweep over beta, one after another, on the plane of rate and distortion."""
    from pages.autoencoders.elbo import sweep_frames

    frames = sweep_frames()
    places = [(30 + 5 * f.scalars["kl"], 210 - 1.15 * (f.scalars["reconstruction"] - 45)) for f in frames]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    first, second = ROLES["first"][0], ROLES["second"][0]
    curve = f'<polyline points="{line}" fill="none" stroke="{first}" stroke-width="3"/>' + "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{first}"/>' for x, y in places
    )
    groups = []
    for frame, (x, y) in list(zip(frames, places, strict=True))[::-1]:
        back = picture(np.concatenate([i.reshape(28, 28) for i in frame.arrays["reconstructions"][:3]], axis=1))
        groups.append(
            f'{curve}<circle cx="{x:.1f}" cy="{y:.1f}" r="12" fill="none" stroke="{second}" stroke-width="4"/>'
            f'<text x="330" y="50" text-anchor="end" font-family="sans-serif" font-size="22" fill="#14181f">'
            f"β = {frame.scalars['beta']:g}</text>"
            f'<image x="162" y="66" width="168" height="56" style="image-rendering:pixelated" href="{back}"/>'
        )
    return moving(groups, "Reconstruction against KL as beta falls")


def autoencoder() -> str:
    """Six digits and what comes back from a code of 2, 8, 32, 128 and 300 numbers."""
    from pages.autoencoders.autoencoder import SHIPPED, narrowing_frames

    rows = narrowing_frames(0, None)[0].arrays["rows"][:, :6].reshape(6, 6, 28, 28)
    groups = []
    for i, m in enumerate(SHIPPED):
        both = [np.concatenate(list(images), axis=1) for images in (rows[0], rows[1 + i])]
        images = "".join(
            f'<image x="24" y="{y}" width="312" height="52" style="image-rendering:pixelated" href="{picture(row)}"/>'
            for y, row in zip((24, 144), both, strict=True)
        )
        words = f'font-family="sans-serif" font-size="22" text-anchor="middle" fill="{ROLES["first"][0]}"'
        groups.append(f'{images}<text x="180" y="118" {words}>↓ {m} numbers ↓</text>')
    return moving(groups, "Digits through narrower and wider codes")


def bayes() -> str:
    """A coin's posterior sharpening."""
    from engines.foundations.bayes import density

    coin = engines.create("bayes", truth=0.7, n_data=40, seed=3)
    z = np.linspace(0.002, 0.998, 121)
    groups = []
    for n in (0, 1, 2, 4, 8, 16, 40):
        while coin.data is not None and coin.frame().step < n:
            coin.step()
        curve = density(coin.config, coin.belief, z)
        line = " ".join(f"{20 + 320 * x:.1f},{196 - 30 * min(y, 6.0):.1f}" for x, y in zip(z, curve, strict=True))
        second = ROLES["posterior"][0]
        groups.append(
            f'<polyline points="20,196 {line} 340,196" fill="{second}" fill-opacity="0.2" stroke="{second}" '
            f'stroke-width="3"/><text x="24" y="34" font-family="sans-serif" font-size="20" fill="#14181f">'
            f"{n} flip{'' if n == 1 else 's'}</text>"
        )
    return moving(groups, "A coin's posterior sharpening with every flip")


def references() -> str:
    """The works by their year."""
    from pages.citations import works

    years = sorted(work.year for work in works().values() if work.year)
    groups, seen, dots = [], {}, []
    for i, year in enumerate(years):
        height = seen[year] = seen.get(year, 0) + 1
        x, y = 20 + 320 * (year - years[0]) / (years[-1] - years[0]), 184 - 8.2 * (height - 1)
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{hex_of(height % 8)}"/>')
        if i % 9 == 0 or i == len(years) - 1:
            words = f'<text x="24" y="34" font-family="sans-serif" font-size="20" fill="#14181f">up to {year}</text>'
            groups.append(words + "".join(dots))
    return moving(groups, "Works that the course rests on, by year")


def picture(levels: np.ndarray) -> str:
    """Bytes, grey (H, W) or in colour (H, W, 3), as a PNG in a data address."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


THUMBNAILS: dict[str, Callable[[], str]] = {
    "bayes": bayes,
    "gmm": gmm,
    "variational-gmm": variational_gmm,
    "autoencoder": autoencoder,
    "vae": vae,
    "elbo": elbo,
    "learning": learning,
    "bayes-classifier": bayes_classifier,
    "gan": gan,
    "transposed-convolution": transposed_convolution,
    "dcgan": dcgan,
    "pix2pix": pix2pix,
    "gail": gail,
    "discogan": discogan,
    "pixelcnn": pixelcnn,
    "gated-pixelcnn": gated_pixelcnn,
    "pixelrnn": pixelrnn,
    "pixelcnn-pp": pixelcnn_pp,
    "likelihood": likelihood,
    "references": references,
}


def main() -> None:
    for slug, draw in THUMBNAILS.items():
        path = entry(slug).thumbnail
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(draw(), encoding="utf-8")
        print(f"{path}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
