"""Pictures of the pages for the home page: `python -m pages.thumbnails` draws them anew.

Each is an SVG that moves through frames of a real run and holds the last one; where the viewer has asked
for reduced motion it shows the last one alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import engines
from engines import data
from pages.catalogue import entry
from pages.mixtures.gmm_pictures import ellipse, extent
from pages.ui.palette import ROLES, component

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


THUMBNAILS: dict[str, Callable[[], str]] = {"gmm": gmm}


def main() -> None:
    for slug, draw in THUMBNAILS.items():
        path = entry(slug).thumbnail
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(draw(), encoding="utf-8")
        print(f"{path}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
