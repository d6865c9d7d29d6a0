r"""IcGAN: a face taken apart into z and y, and made again with another y. Perarnau et al. 2016 (arXiv:1611.06355).

x is a picture, y its attributes (a 1 in every attribute's block of numbers, `attributes.one_hot`), z the rest, drawn
from N(0, I). A conditional GAN makes a picture of both, \hat x = G(z, y); two encoders go back. D is shown true
pictures with their own y, true pictures with a wrong one, y', and pictures that were made:

    max_D  E[log D(x, y)] + E[log(1 - D(x, y'))] / 2 + E[log(1 - D(\hat x, y))] / 2
    min_G  E[-log D(\hat x, y)]
    L_{E_z} = E||z - E_z(G(z, y))||^2          z is known of what was made, and only there
    L_{E_y} = E||y - E_y(x)||^2                y is known of true pictures, and these are what it will be asked about

To edit: (E_z(x), E_y(x)) -> one attribute of y is changed -> G. y enters G beside z at its input, and D beside the maps
of its first layer. For G, y is drawn from the training faces.

Departures: 32 pixels, few channels, cartoon faces (or rendered heads) instead of photos; each of several values is a
number of its own, and what E_y says becomes 0 and 1 again before G is asked, the greatest of each block; y' differs
from y in one attribute drawn by chance, unless ``wrong`` says otherwise (of another face they would differ in most, and
D learn the largest alone); 1 - D becomes -log D for G; E_y learns first, E_z last; larger learning rates, which fall
along a cosine in each part. One term is not the paper's: with a few thousand small batches the game alone leaves
stains, so G is also drawn to make a true face again of what E_z, which then learns beside it, finds in that face:

    min_G  \lambda E|x - G(E_z(x), y)|          \lambda is ``again``, 0 for the paper's own game (``plain``)

E_z itself still learns from faces made alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checkpoints, learning
from engines.data import webp
from engines.engine import Frame
from engines.material import Fields
from engines.maths.intervals import named
from engines.maths.samples import frechet_named
from engines.people.attributes import PACKS, Portraits, one_hot, pixels, sizes, values_of

if TYPE_CHECKING:
    from engines.people.attributes import AttributeJudge

SIDE = 32
SHOWN = 12  # test faces of a frame
DRAWN = 1_000  # faces made to ask E_z
WHERE = ("first", "input", "last")  # layer of D that y enters
WRONG = ("one", "all", "none")  # attributes in which y' differs: one, those of another face, or there is no y'

# The whole model ("small") and the paper's own game ("plain") once more, and that game with parts put elsewhere or
# taken away: all of these are trained alike and small. "heads" is one for the rendered heads, where edits have a truth.
_SMALL: dict[str, Any] = {"channels": 12, "read_steps": 400, "gan_steps": 900, "n_steps": 1_600}
_PLAIN: dict[str, Any] = {**_SMALL, "again": 0.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "plain": _PLAIN,
    "y-input": {**_PLAIN, "y_at": "input"},
    "y-last": {**_PLAIN, "y_at": "last"},
    "no-wrong": {**_PLAIN, "wrong": "none"},
    "joint": {**_PLAIN, "joint": True},
    "heads": {"pack": "heads_attr", "channels": 16, "read_steps": 300, "gan_steps": 1_000, "n_steps": 1_600},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IcGANConfig(learning.LearnerConfig):
    pack: str = "facesjs"  # whose attributes
    channels: int = 32  # of the layers next to the picture
    latent_dim: int = 24  # of z
    y_at: str = "first"
    wrong: str = "one"
    joint: bool = False  # one network for both encoders, trained on the sum of their losses
    again: float = 10.0  # weight of |x - G(E_z(x), y)|; 0 is the paper's game
    read_steps: int = 1_000  # the first batches, for E_y alone
    gan_steps: int = 3_600  # the batches after them, for G and D; the rest is for E_z
    learning_rate: float = 6e-4
    d_learning_rate: float = 6e-4
    e_learning_rate: float = 2e-3
    beta1: float = 0.5
    batch_size: int = 16
    n_steps: int = 5_100

    def __post_init__(self) -> None:
        for key, known in (("pack", tuple(PACKS)), ("y_at", WHERE), ("wrong", WRONG)):
            if (value := getattr(self, key)) not in known:
                raise ValueError(f"{key} must be one of {', '.join(known)}, got {value!r}")
        if self.joint and self.again:
            raise ValueError("again needs an E_z that learns beside G: set it to 0 for joint encoders")
        learning.check(
            self, channels=(1, 256), latent_dim=(1, 1024), again=(0, 1000), d_learning_rate=(1e-9, 1),
            e_learning_rate=(1e-9, 1), batch_size=(2, 4096), n_steps=(1, 10**7), read_steps=(0, self.n_steps),
            gan_steps=(0, self.n_steps),
        )  # fmt: skip


class Generator(nn.Module):
    """z (B, Z) and y (B, Y) -> (B, 3, 32, 32) in -1..1."""

    def __init__(self, n_in: int, c: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(n_in, 64 * c, bias=False), nn.Unflatten(1, (4 * c, 4, 4))]
        layers += [nn.BatchNorm2d(4 * c), nn.ReLU()]
        for a, b in pairwise((4 * c, 2 * c, c)):
            layers += [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(c, 3, 4, stride=2, padding=1), nn.Tanh())

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.layers(torch.cat([z, y], dim=1))


class Discriminator(nn.Module):
    """Logits of "real, and with these attributes": (B, 3, 32, 32) and y (B, Y) -> (B,). It normalises by the batch."""

    def __init__(self, n_y: int, c: int, at: str) -> None:
        super().__init__()
        more = {where: n_y * (where == at) for where in WHERE}
        self.at = at
        self.first = nn.Sequential(nn.Conv2d(3 + more["input"], c, 4, stride=2, padding=1), nn.LeakyReLU(0.2))
        layers: list[nn.Module] = []
        for a, b in ((c + more["first"], 2 * c), (2 * c, 4 * c)):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(b, track_running_stats=False), nn.LeakyReLU(0.2)]
        self.middle, self.last = nn.Sequential(*layers), nn.Conv2d(4 * c + more["last"], 1, 4)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.first(beside(x, y) if self.at == "input" else x)
        h = self.middle(beside(h, y) if self.at == "first" else h)
        return self.last(beside(h, y) if self.at == "last" else h).flatten()


def beside(maps: Tensor, y: Tensor) -> Tensor:
    """y at every place: (B, C, H, W) and (B, Y) -> (B, C + Y, H, W)."""
    return torch.cat([maps, y[:, :, None, None].expand(-1, -1, *maps.shape[2:])], dim=1)


class Encoder(nn.Module):
    """(B, 3, 32, 32) -> one row of numbers for each of ``outs``."""

    def __init__(self, c: int, *outs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in pairwise((3, c, 2 * c, 4 * c)):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.heads = nn.ModuleList([nn.Linear(64 * c, n) for n in outs])

    def forward(self, x: Tensor) -> list[Tensor]:
        h = self.body(x)
        return [head(h) for head in self.heads]


class IcGAN(learning.Learner):
    """Learns from `Portraits`; without data it makes, encodes and edits."""

    name: ClassVar[str] = "icgan"
    Config: ClassVar[type] = IcGANConfig
    learns_from = Portraits
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        n_y, c = sum(sizes(config.pack)), config.channels
        players: dict[str, nn.Module] = {
            "G": Generator(config.latent_dim + n_y, c),
            "D": Discriminator(n_y, c, config.y_at),
        }
        if config.joint:
            players["E"] = Encoder(c, config.latent_dim, n_y)
        else:
            players |= {"Ez": Encoder(c, config.latent_dim), "Ey": Encoder(c, n_y)}
        return nn.ModuleDict(players)

    def start(self, network: Any) -> nn.Module:
        for player in ("G", "D"):
            learning.start_small(self, network[player])
        return network

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A batch for E_y; later for D and G; at last for E_z."""
        config, x = self.config, pixels(batch["image"], SIDE, self.device)
        y = one_hot(batch["attributes"], config.pack)
        z = self.shared(torch.randn(self.n_batch, config.latent_dim, generator=self.rng))
        if self.part == "read":
            loss = squared(y, self.learners["Ey"](x)[0])
            self.descend(loss, "Ey")
            return {"y_loss": loss}
        if self.part == "invert":
            with torch.no_grad():
                made = self.network["G"].eval()(z, y)
            if not config.joint:
                loss = squared(z, self.learners["Ez"](made)[0])
                self.descend(loss, "Ez")
                return {"z_loss": loss}
            both = self.learners["E"](torch.cat([made, x]))
            z_loss, y_loss = squared(z, both[0][: len(z)]), squared(y, both[1][len(z) :])
            self.descend(z_loss + y_loss, "E")
            return {"z_loss": z_loss, "y_loss": y_loss}

        D, G = self.learners["D"], self.learners["G"]
        if config.again:
            both = G(torch.cat([z, self.seen(x)]), torch.cat([y, y]))
            made, again = both.split(len(z))
        else:
            made = G(z, y)
        right, fake = D(x, y), D(made.detach(), y)
        d_loss, said = F.softplus(-right).mean(), {"d_real": right.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        if config.wrong == "none":
            d_loss = d_loss + F.softplus(fake).mean()
        else:
            wrong = D(x, one_hot(self.wrong(batch["attributes"]), config.pack))
            d_loss = d_loss + (F.softplus(fake).mean() + F.softplus(wrong).mean()) / 2
            said["d_wrong"] = wrong.sigmoid().mean()
        self.descend(d_loss, "D")
        with self.held("D") as judge:
            g_loss = F.softplus(-judge(made, y)).mean()
        said |= {"d_loss": d_loss, "g_loss": g_loss}
        if config.again:
            said["again"] = (again - x).abs().mean()
            g_loss = g_loss + config.again * said["again"]
            said["z_loss"] = squared(z, self.learners["Ez"](made.detach())[0])
            self.descend(said["z_loss"], "Ez")
        self.descend(g_loss, "G")
        return said

    @torch.no_grad()
    def seen(self, x: Tensor) -> Tensor:
        """What E_z, as it is now, finds in true faces (B, 3, 32, 32): z (B, Z)."""
        encoder = self.network["Ez"].eval()
        z = encoder(x)[0]
        encoder.train()
        return z

    def wrong(self, attributes: Tensor) -> Tensor:
        """y' as numbers of values (B, A): another value of one attribute, or the attributes of another face."""
        if self.config.wrong == "all":
            return attributes.roll(1, dims=0)
        n = torch.tensor(sizes(self.config.pack))
        which = self.shared(torch.randint(0, len(n), (self.n_batch,), generator=self.rng))
        chance = self.shared(torch.rand(self.n_batch, generator=self.rng))
        rows, n = torch.arange(len(which), device=self.device), n.to(self.device)[which]
        changed = attributes.clone()
        changed[rows, which] = (attributes[rows, which] + 1 + (chance * (n - 1)).long().clamp(max=n - 2)) % n
        return changed

    @property
    def marks(self) -> tuple[int, int, int]:
        """The batches before which E_y, G and D, and E_z have learned."""
        config = self.config
        first = 0 if config.joint else config.read_steps
        return first, min(first + config.gan_steps, config.n_steps), config.n_steps

    @property
    def part(self) -> str:
        return next(
            (p for p, end in zip(("read", "game"), self.marks[:2], strict=True) if self.iteration < end), "invert"
        )

    @property
    def decayed(self) -> float:
        """The learning rates fall along a cosine to 0 in each part; G's and D's to a tenth."""
        start, end = next(
            ((a, b) for a, b in pairwise((0, *self.marks)) if self.iteration < b), (self.marks[1], self.marks[2])
        )
        factor = learning.cosine(self.iteration - start, max(end - start, 1))
        return 0.1 + 0.9 * factor if self.part == "game" else factor

    def learning_rate_of(self, player: str) -> float:
        config = self.config
        rates = {"G": config.learning_rate, "D": config.d_learning_rate}
        return rates.get(player, config.e_learning_rate)

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def draw(self, z: Tensor, attributes: Tensor) -> Tensor:
        """Faces of z (B, Z) and numbers of values (B, A): (B, 32, 32, 3) in 0..1."""
        y = one_hot(torch.as_tensor(attributes, device=self.device), self.config.pack)
        parts = zip(z.to(self.device).split(256), y.split(256), strict=True)
        made = torch.cat([self.network["G"](a, b) for a, b in parts])
        return (made.permute(0, 2, 3, 1) + 1) / 2

    @torch.no_grad()
    def encode(self, images: Any) -> tuple[Tensor, Tensor]:
        """What the encoders find in pictures (B, S, S, 3), bytes or 0..1: z (B, Z), and y as said, (B, Y)."""
        found = []
        for part in torch.as_tensor(images).split(256):
            x = pixels(part, SIDE, self.device)
            net = self.network
            found.append(net["E"](x) if self.config.joint else [net["Ez"](x)[0], net["Ey"](x)[0]])
        z, y = (torch.cat(values) for values in zip(*found, strict=True))
        return z, y

    def taken_apart(self, images: Any) -> tuple[Tensor, Tensor]:
        """z (B, Z) and the attributes (B, A), the greatest of each block of y."""
        z, y = self.encode(images)
        return z, values_of(y, self.config.pack)

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        r"""Over test faces, with 95 % intervals, all by `attribute_judge`, which has no part in the training:

        ``obeyed``: the share of attributes asked for that the judge reads in faces made of a drawn z and the y of test
        faces; ``obeyed_real`` of the true faces (ceiling), ``obeyed_other`` against the y of another face (floor).
        ``changed``: how often an edit to another value, drawn by chance, is read afterwards, ``already`` before it
        (floor); ``others``: how many of the other attributes are read otherwise than in the reconstruction,
        ``others_z`` when z is drawn anew instead. All of these by attribute as well, NAME_ATTRIBUTE.
        ``z``: the mean correlation of a number of z with what E_z finds of it in a face made, ``z_other`` in another
        face. ``y``: the share of attributes that E_y reads rightly, ``y_chance`` that of the most frequent values.
        ``error``: the mean difference between a face and its reconstruction, in levels of 255; floors: the ``mean_``
        training face, ``drawn_``, the right y with a drawn z. ``frechet``: the distance of the judge's features of
        faces made from true ones, ``frechet_real`` of training faces. With true edits: see `against_truth`.
        """
        config, by = self.config, judge(self.config.pack, str(self.device))
        keys, known = tuple(PACKS[config.pack]), test["attributes"].cpu().long()
        x = (pixels(test["image"], SIDE).permute(0, 2, 3, 1) + 1) / 2
        chance, n = learning.stream(config.seed, 2), len(known)
        fresh = torch.randn(n, config.latent_dim, generator=chance)
        drawn = self.draw(fresh, known).cpu()
        said = by.read(drawn)
        result = by_attribute("obeyed", (said == known).double(), keys)
        result |= by_attribute("obeyed_real", (by.read(x) == known).double(), keys)
        result |= by_attribute("obeyed_other", (said == known.roll(n // 2, dims=0)).double(), keys)

        z, found = self.taken_apart(test["image"])
        again = self.draw(z, found).cpu()
        before, found = by.read(again), found.cpu()
        changed, already, others = [], [], []
        for i, size in enumerate(sizes(config.pack)):
            asked = found.clone()
            asked[:, i] = (found[:, i] + torch.randint(1, size, (n,), generator=chance)) % size
            after = by.read(self.draw(z, asked).cpu())
            changed.append(after[:, i] == asked[:, i])
            already.append(before[:, i] == asked[:, i])
            others.append(np.delete((after != before).double().numpy(), i, axis=1).mean(axis=1))
        for key, values in (("changed", changed), ("already", already)):
            result |= by_attribute(key, torch.stack(values, dim=1).double(), keys)
        result |= by_attribute("others", torch.from_numpy(np.stack(others, axis=1)), keys)
        moved = by.read(self.draw(fresh, found).cpu()) != before
        result |= named("others_z", moved.double().mean(dim=1).numpy())

        z = torch.randn(DRAWN, config.latent_dim, generator=chance)
        told = known[torch.randint(0, n, (DRAWN,), generator=chance)]
        back = self.encode(self.draw(z, told))[0].cpu()
        result |= named("z", torch.stack([z, back], dim=1).double().numpy(), correlation)
        result |= named("z_other", torch.stack([z, back.roll(1, dims=0)], dim=1).double().numpy(), correlation)
        result |= by_attribute("y", (found == known).double(), keys)
        result["y_chance"] = float(np.mean([known[:, i].bincount().max() / n for i in range(len(keys))]))

        stands = {"": again, "drawn_": drawn}
        if self.data is not None:
            train = pixels(self.data.train["image"], SIDE).cpu()
            stands["mean_"] = ((train.mean(dim=0).permute(1, 2, 0) + 1) / 2).expand_as(x)
            some = by.features((train[:n].permute(0, 2, 3, 1) + 1) / 2)
            result |= frechet_named("frechet_real", by.features(x)[: len(some)], some)
        for key, images in stands.items():
            result |= named(f"{key}error", 255 * (images - x).abs().mean(dim=(1, 2, 3)).double().numpy())
        result |= frechet_named("frechet", by.features(x), by.features(drawn))
        if "identity" in test:
            result |= self.against_truth(test, x, by)
        return result

    def against_truth(self, test: Fields, x: Tensor, by: AttributeJudge) -> dict[str, float]:
        """Where the test side holds the true picture of every edit, in levels of 255 from it: ``edit`` what was made
        of the picture before it; ``edit_copy`` that picture itself (floor), ``edit_again`` its reconstruction, and
        ``edit_truth``, the reconstruction of the true picture (what an edit can reach). By attribute as well, and
        ``edit_read``: how often the judge reads the new value in the edit, ``edit_read_truth`` in the true picture.
        """
        keys, known = tuple(PACKS[self.config.pack]), test["attributes"].cpu().long()
        start, end, which = true_edits(known, test["identity"].cpu())
        z, found = self.taken_apart(test["image"])
        asked = found[start].cpu()
        asked[torch.arange(len(end)), which] = known[end, which]
        again = self.draw(z, found).cpu()
        made = self.draw(z[start], asked).cpu()
        images = {"edit": made, "edit_copy": x[start], "edit_again": again[start], "edit_truth": again[end]}
        result: dict[str, float] = {"edits": float(len(end))}
        for name, guess in images.items():
            away = 255 * (guess - x[end]).abs().mean(dim=(1, 2, 3)).double().numpy()
            result |= named(name, away)
            for i in which.unique().tolist():
                result |= named(f"{name}_{keys[i]}", away[which.numpy() == i])
        rows = torch.arange(len(end))
        for name, guess in (("edit_read", made), ("edit_read_truth", x[end])):
            result |= named(name, (by.read(guess)[rows, which] == known[end, which]).double().numpy())
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """Of the first test faces: ``made`` with their y and the same drawn z at every step, ``again`` their
        reconstructions, each the bytes of a WebP picture (see `engines.data.webp`). Over the faces to watch: ``obeyed``
        and ``kept`` (attributes of the face read in its reconstruction) by the judge, ``z``, and ``y``.
        """
        images, known = self.data.probe["image"], self.data.probe["attributes"].cpu().long()
        by = judge(self.config.pack, str(self.device))
        fresh = torch.randn(len(known), self.config.latent_dim, generator=learning.stream(self.config.seed, 1))
        made = self.draw(fresh, known)
        back, (z, found) = self.encode(made)[0].cpu(), self.taken_apart(images)
        again = self.draw(z, found)
        packed = {
            key: webp.pack(learning.to_bytes(value[:SHOWN]).cpu().numpy(), quality=85)
            for key, value in (("made", made), ("again", again))
        }
        scalars = {
            "obeyed": float((by.read(made.cpu()) == known).double().mean()),
            "kept": float((by.read(again.cpu()) == known).double().mean()),
            "z": correlation(torch.stack([fresh, back], dim=1).double().numpy()),
            "y": float((found.cpu() == known).double().mean()),
        }
        return self.framed(scalars, **packed)


def squared(true: Tensor, found: Tensor) -> Tensor:
    """||true - found||^2, the sum over a row's numbers, averaged over the batch: (B, N) each -> ()."""
    return (true - found).square().sum(dim=1).mean()


def correlation(pairs: np.ndarray) -> float:
    """Pearson's between the two of each pair, number by number, and their mean: (N, 2, Z) -> ()."""
    a, b = (part - part.mean(axis=0) for part in pairs.swapaxes(0, 1))
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return float(np.mean((a * b).sum(axis=0) / np.maximum(size, 1e-12)))


def by_attribute(name: str, values: Tensor, keys: tuple[str, ...]) -> dict[str, float]:
    """Means of (N, A) with intervals, of each attribute and of all."""
    result = named(name, values.mean(dim=1).numpy())
    for i, key in enumerate(keys):
        result |= named(f"{name}_{key}", values[:, i].numpy())
    return result


def true_edits(known: Tensor, identity: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of pictures as they are, rows that show the same person with one attribute changed, and which: (E,) each.

    A person's first row is the person as is.
    """
    start = torch.stack([(identity == who).nonzero()[0, 0] for who in identity])
    other = known != known[start]
    end = (other.sum(dim=1) == 1).nonzero()[:, 0]
    return start[end], end, other[end].long().argmax(dim=1)


def judge(pack: str, device: str) -> AttributeJudge:
    """The shipped judge of a pack's attributes."""
    return checkpoints.teacher("attribute_judge", {"heads_attr": "heads"}.get(pack, ""), device)
