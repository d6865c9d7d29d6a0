r"""TP-GAN: a head at any turn, seen from the front. Huang, Zhang, Li & He 2017 (arXiv:1704.04086).

I^P is a picture at some turn, I^gt the same person from the front, \hat I = G(I^P) what is made. G has two pathways:
one sees the whole picture; the other are four small networks, each with a patch around a landmark (an eye, the other
eye, nose, mouth), whose features are put where that part stands in a frontal face and fused with the first pathway's.

    L_syn = L_pixel + \lambda_1 L_sym + \lambda_2 L_adv + \lambda_3 L_ip + \lambda_4 L_tv

    L_pixel = \sum_s w_s E|\hat I_s - I^gt_s|     at 16, 32 and 64 pixels, and for each patch on its own
    L_sym   = E|\Delta \hat I(x, y) - \Delta \hat I(W - 1 - x, y)|      the hidden half is pulled to the other one
    L_adv   = -E log D(\hat I)                    D calls a frontal picture real or not, at 2 x 2 places
    L_ip    = \sum_i E|F_i(\hat I) - F_i(I^gt)|   the last two layers of a network that tells people apart
    L_tv    = E|\nabla \hat I|
    L_cross = -E log p(k | v_id)                  the code of the whole picture says whose it is; weight \alpha

F is `recogniser`, learned on the training people and frozen. Who a picture shows is judged by another one of these,
which takes no part here.

Departures: 64 pixels instead of 128 and few channels; no noise beside the code; weights for means over pixels, in
levels of -1..1; landmarks are given, not found. Every picture is mirrored so that the face turns left: one known half
is hidden. L_sym compares Laplacians \Delta alone, because the light comes from one side. The network for the hidden
eye is also shown the other eye, mirrored, and the whole picture is shown beside its mirror image, as in the authors'
code. F looks from a place that moves with every batch, so that no pattern hides between the places its layers look at.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from engines.maths.ssim import ssim
from engines.people.heads import SIDE, YAWS, Heads, mirrored, pixels
from engines.people.recogniser import first_hits

if TYPE_CHECKING:
    from engines.people.recogniser import Recogniser

# Where the four parts stand in the frontal face, pixels x, y of their middles (the means over the training people,
# rounded), and how large their patches are, height and width. The near eye is the one that is seen when a face turns
# left. BOX holds all four: left, top, right, bottom.
PARTS = ("near eye", "far eye", "nose", "mouth")
TEMPLATE = ((38, 28), (26, 28), (32, 36), (32, 42))
PATCH = ((16, 16), (16, 16), (16, 16), (12, 24))
BOX = (18, 20, 46, 48)
SCALES = ((16, 1.5), (32, 1.0), (SIDE, 1.0))  # pixels a side, and the weight w_s
SHIFT = 2  # pixels that F's window is moved by at most, each way
FINE = 8  # channels at 64 pixels a side
FAR = [i for i, yaw in enumerate(YAWS) if abs(yaw) >= 60]

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 8, "n_code": 64, "n_steps": 600}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "no-local": {**_SMALL, "local": False},
    "no-identity": {**_SMALL, "identity": 0.0},
    "no-gan": {**_SMALL, "adversarial": 0.0},
    "no-symmetry": {**_SMALL, "symmetry": 0.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TPGANConfig(learning.LearnerConfig):
    channels: int = 16  # of the layers at 32 pixels a side, in G's first pathway and in D
    n_code: int = 128  # numbers of v_id
    people: int = 425  # that v_id tells apart
    local: bool = True  # the second pathway
    part: float = 0.5  # weight of the patches' own L_pixel
    symmetry: float = 0.3  # lambda_1
    adversarial: float = 0.01  # lambda_2
    identity: float = 0.15  # lambda_3
    variation: float = 0.01  # lambda_4
    cross: float = 0.01  # alpha
    learning_rate: float = 2e-3
    d_learning_rate: float = 2e-4
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 8
    n_steps: int = 1_500

    def __post_init__(self) -> None:
        weights = dict.fromkeys(("part", "symmetry", "adversarial", "identity", "variation", "cross"), (0, 1000))
        sizes = {"channels": (1, 512), "n_code": (1, 4096), "people": (1, 10**5), "batch_size": (2, 1024)}
        learning.check(self, n_steps=(1, 10**7), d_learning_rate=(1e-9, 1), **sizes, **weights)


def down(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)
    )


def up(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()
    )


class Part(nn.Module):
    """One patch network: (B, n_in, H, W) -> features of the part seen from the front (B, C, H, W), and its picture."""

    def __init__(self, n_in: int, c: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(n_in, c, 3, padding=1), nn.LeakyReLU(0.2))
        self.down1, self.down2, self.up1, self.up2 = down(c, 2 * c), down(2 * c, 4 * c), up(4 * c, 2 * c), up(4 * c, c)
        self.join, self.picture = nn.Sequential(nn.Conv2d(2 * c, c, 3, padding=1), nn.ReLU()), nn.Conv2d(c, 3, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        whole = self.first(x)
        half = self.down1(whole)
        x = self.up2(torch.cat([self.up1(self.down2(half)), half], dim=1))
        x = self.join(torch.cat([x, whole], dim=1))
        return x, self.picture(x).tanh()


class Generator(nn.Module):
    """Both pathways, on pictures whose face turns left."""

    def __init__(self, c: int, n_code: int, people: int, *, local: bool) -> None:
        super().__init__()
        self.down = nn.ModuleList([down(6, c), down(c, 2 * c), down(2 * c, 4 * c), down(4 * c, 4 * c)])
        self.code, self.spread = nn.Linear(64 * c, n_code), nn.Linear(n_code, 64 * c)
        self.people = nn.Linear(n_code, people)
        self.up = nn.ModuleList([up(8 * c, 4 * c), up(8 * c, 2 * c), up(4 * c, c), up(2 * c, FINE)])
        self.small = nn.ModuleList([nn.Conv2d(2 * c, 3, 3, padding=1), nn.Conv2d(c, 3, 3, padding=1)])
        self.parts = nn.ModuleList([Part(6 if i == 1 else 3, FINE) for i in range(len(PARTS))] if local else [])
        n_in = FINE + (FINE + 3 if local else 0)
        self.last = nn.Sequential(nn.Conv2d(n_in, FINE, 1), nn.ReLU(), nn.Conv2d(FINE, 3, 3, padding=1))

    def forward(self, x: Tensor, landmarks: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        r"""Pictures (B, 3, 64, 64) in -1..1 and landmarks (B, 6, 2): \hat I at 16, 32 and 64 pixels, the four patches
        as the second pathway draws them, and the logits of the people (B, K).
        """
        y, beside, made = torch.cat([x, x.flip(3)], dim=1), [], []
        for layer in self.down:
            beside.append(y := layer(y))
        code = self.code(y.flatten(1))
        y = self.spread(code).reshape(y.shape)
        for i, layer in enumerate(self.up):
            y = layer(torch.cat([y, beside.pop()], dim=1))
            if i in (1, 2):
                made.append(self.small[i - 1](y).tanh())
        seen, drawn = [y], []
        if len(self.parts):
            given = patches(x, landmarks)
            given[1] = torch.cat([given[1], given[0].flip(3)], dim=1)
            both = [part(patch) for part, patch in zip(self.parts, given, strict=True)]
            drawn = [picture for _, picture in both]
            seen += [fused([features for features, _ in both]), fused([1 + picture for picture in drawn])]
        made.append(self.last(torch.cat(seen, dim=1)).tanh())
        return made, drawn, self.people(code)


def middles(landmarks: Tensor) -> list[Tensor]:
    """Where each of the four patches is taken, (B, 2) pixels each, by the landmarks (B, 6, 2)."""
    return [landmarks[:, 0], landmarks[:, 1], landmarks[:, 2], landmarks[:, 3:5].mean(dim=1)]


def patches(x: Tensor, landmarks: Tensor) -> list[Tensor]:
    """What the four networks are shown of (B, 3, 64, 64): patches around both eyes, the nose and the mouth."""
    return [cut(x, middle, size) for middle, size in zip(middles(landmarks), PATCH, strict=True)]


def corners(middle: Tensor, size: tuple[int, int]) -> Tensor:
    """Top and left (B, 2) of the patch of ``size`` around each ``middle`` (B, 2), moved inside where it would leave."""
    extent = torch.tensor(size, device=middle.device)
    return (middle.flip(1) - extent / 2).round().long().clamp(min=0).minimum(SIDE - extent)


def cut(x: Tensor, middle: Tensor, size: tuple[int, int]) -> Tensor:
    """The patch (B, 3, *size) around each ``middle`` (B, 2)."""
    corner = corners(middle, size)
    rows, columns = (corner[:, i, None] + torch.arange(size[i], device=x.device) for i in (0, 1))
    of = torch.arange(len(x), device=x.device)[:, None, None]
    return x[of, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def placed(part: Tensor, i: int) -> Tensor:
    """A part (B, C, H, W) at its place in BOX, 0 around it: (B, C, 28, 28)."""
    (x, y), (height, width), (left, top, right, bottom) = TEMPLATE[i], PATCH[i], BOX
    x, y = x - width // 2, y - height // 2
    return F.pad(part, (x - left, right - x - width, y - top, bottom - y - height))


def fused(parts: list[Tensor]) -> Tensor:
    """The four at their places in the frontal face, the greatest where they overlap, 0 around them: (B, C, 64, 64)."""
    left, top, right, bottom = BOX
    inside = torch.stack([placed(part, i) for i, part in enumerate(parts)]).amax(dim=0)
    return F.pad(inside, (left, SIDE - right, top, SIDE - bottom))


class Discriminator(nn.Module):
    """Logits of "real" of a frontal picture: (B, 3, 64, 64) -> (B, 2, 2)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for n_in, n_out in ((c, 2 * c), (2 * c, 4 * c), (4 * c, 4 * c)):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(n_out, track_running_stats=False), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(4 * c, 1, 4, stride=2, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[:, 0]


# -- the terms of the loss -----------------------------------------------------------------------------------


def pixel_loss(made: list[Tensor], true: Tensor) -> Tensor:
    """The mean difference at each scale, weighted: pictures of 16, 32 and 64 pixels, and the true one of 64 -> ()."""
    scaled = ((guess, F.avg_pool2d(true, SIDE // side), w) for guess, (side, w) in zip(made, SCALES, strict=True))
    return sum((w * (guess - at).abs().mean() for guess, at, w in scaled), true.new_zeros(()))


def part_loss(drawn: list[Tensor], true: Tensor) -> Tensor:
    """The mean over the four patches of their mean difference from what stands there in the frontal picture -> ()."""
    at = [cut(true, true.new_tensor(TEMPLATE[i]).expand(len(true), 2), PATCH[i]) for i in range(len(PARTS))]
    return torch.stack([(guess - right).abs().mean() for guess, right in zip(drawn, at, strict=True)]).mean()


def laplacian(x: Tensor) -> Tensor:
    """Each pixel against the mean of its four neighbours: (B, C, H, W) -> (B, C, H - 2, W - 2)."""
    around = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    return x[..., 1:-1, 1:-1] - around / 4


def symmetry_loss(made: Tensor) -> Tensor:
    """How far the hidden half, the left one, is from the mirror image of the other, which feels no pull -> ()."""
    edges = laplacian(made)
    half = edges.shape[3] // 2
    return (edges[..., :half] - edges.flip(3)[..., :half].detach()).abs().mean()


def variation(made: Tensor) -> Tensor:
    """The mean difference between neighbours, across and down -> ()."""
    return made.diff(dim=3).abs().mean() + made.diff(dim=2).abs().mean()


def identity_loss(found: tuple[Tensor, Tensor], true: tuple[Tensor, Tensor]) -> Tensor:
    """The mean difference of the last two layers of F -> ()."""
    return sum(((a - b).abs().mean() for a, b in zip(found, true, strict=True)), found[0].new_zeros(()))


class TPGAN(learning.Learner):
    """Learns from `Heads`; without data it turns heads to the front only."""

    name: ClassVar[str] = "tpgan"
    Config: ClassVar[type] = TPGANConfig
    learns_from = Heads
    VARIANTS = VARIANTS

    def __init__(self, config: TPGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self.hits = torch.zeros(
            2, 0, len(YAWS)
        )  # by both judges, each test person at each turn, as `evaluate` found it

    def make(self) -> nn.Module:
        config = self.config
        G = Generator(config.channels, config.n_code, config.people, local=config.local)
        return nn.ModuleDict({"G": G, **({"D": Discriminator(config.channels)} if config.adversarial else {})})

    def start(self, network: Any) -> nn.Module:
        if "D" in network:
            learning.start_small(self, network["D"])
        return network

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D, then one of G on L_syn."""
        config, D = self.config, self.learners.get("D")
        turned, x, landmarks = self.given(batch["image"], batch["landmarks"])
        true = pixels(batch["frontal"], self.device)
        true = torch.where(turned[:, None, None, None], true.flip(3), true)
        made, drawn, people = self.learners["G"](x, landmarks)
        said = {
            "pixel": pixel_loss(made, true),
            "sym": symmetry_loss(made[-1]),
            "tv": variation(made[-1]),
            "cross": F.cross_entropy(people, batch["person"]),
        }
        loss = said["pixel"] + config.variation * said["tv"] + config.cross * said["cross"]
        if config.symmetry:
            loss = loss + config.symmetry * said["sym"]
        if drawn:
            said["part"] = part_loss(drawn, true)
            loss = loss + config.part * said["part"]
        if config.identity:
            moved = tuple(torch.randint(-SHIFT, SHIFT + 1, (2,), generator=self.rng).tolist())
            with torch.no_grad():
                known = self.eye(true, moved)
            said["ip"] = identity_loss(self.eye(made[-1], moved), known)
            loss = loss + config.identity * said["ip"]
        if D is not None:
            real, fake = D(true), D(made[-1].detach())
            d_loss = F.softplus(-real).mean() + F.softplus(fake).mean()
            self.descend(d_loss, "D")
            with self.held("D") as judge:
                said["adv"] = F.softplus(-judge(made[-1])).mean()
            loss = loss + config.adversarial * said["adv"]
            said |= {"d_loss": d_loss, "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        self.descend(loss, "G")
        return said

    def learning_rate_of(self, player: str) -> float:
        return self.config.d_learning_rate if player == "D" else self.config.learning_rate

    def eye(self, x: Tensor, moved: tuple[int, ...] = (0, 0)) -> tuple[Tensor, Tensor]:
        """The last two layers of F, of pictures (B, 3, 64, 64) in -1..1 moved down and right."""
        return recogniser("", str(self.device)).network(torch.roll(x, moved, dims=(2, 3)))

    def given(self, images: Any, landmarks: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Which pictures were mirrored so that the face turns left (B,), the pictures (B, 3, 64, 64) and landmarks."""
        x, points = pixels(images, self.device), torch.as_tensor(landmarks, device=self.device).float()
        turned = points[:, 2, 0] > points[:, :2, 0].mean(dim=1)  # the nose is right of the eyes' middle
        x = torch.where(turned[:, None, None, None], x.flip(3), x)
        return turned, x, torch.where(turned[:, None, None], mirrored(points), points)

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def front(self, images: Any, landmarks: Any) -> Tensor:
        r"""\hat I of pictures (B, 64, 64, 3), bytes or 0..1, with landmarks (B, 6, 2): (B, 64, 64, 3) in 0..1."""
        parts = zip(torch.as_tensor(images).split(65), torch.as_tensor(landmarks).split(65), strict=True)
        return torch.cat([self.pathways(image, points)[0] for image, points in parts])

    @torch.no_grad()
    def pathways(self, images: Any, landmarks: Any) -> tuple[Tensor, Tensor]:
        r"""\hat I, and the four patches as the second pathway draws them, put at their places on black: (B, 64, 64, 3)
        in 0..1 each.
        """
        turned, x, points = self.given(images, landmarks)
        made, drawn, _ = self.network["G"](x, points)
        put = fused([1 + picture for picture in drawn]) - 1 if drawn else torch.full_like(x, -1.0)
        both = (torch.where(turned[:, None, None, None], image.flip(3), image) for image in (made[-1], put))
        return tuple((image.permute(0, 2, 3, 1) + 1) / 2 for image in both)  # type: ignore[return-value]

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over people never seen, with 95 % intervals by person. ``rank1``: how often the `recogniser` called judge
        finds the right one of all frontal pictures nearest, for what is made of pictures at 60 degrees and beyond,
        ``rank1_15`` .. ``rank1_90`` by angle; the same of the pictures as they are, ``raw``; ``gain`` is the
        difference, paired. All of these by the recogniser that has learned from turns of up to 45 degrees: ``near_``.
        ``rank1_mirror``, of the true frontal picture mirrored, is the ceiling. ``hits`` keeps who was found.

        ``psnr`` (dB) and ``ssim`` at 60 degrees and beyond, against the true frontal picture; floors: the ``mean``
        training face, the picture itself (``copy``). ``asymmetry`` is L_sym at the end, ``asymmetry_true`` that of true
        pictures.
        """
        test = {key: value.cpu() for key, value in test.items()}
        frontal = test["front"].unique()
        made, hits = learning.to_bytes(self.front(test["image"], test["landmarks"])).cpu(), []
        result = {"people": float(len(frontal))}
        for prefix, variant in (("", "judge"), ("near_", "near")):
            judge = recogniser(variant, str(self.device))
            gallery, again = (
                judge.features(image).cpu() for image in (test["image"][frontal], test["image"][frontal].flip(2))
            )
            found = {key: first_hits(judge.features(image).cpu(), test, gallery)
                     for key, image in (("rank1", made), ("raw", test["image"]))}  # fmt: skip
            hits.append(torch.from_numpy(found["rank1"]).float())
            result |= named(f"{prefix}gain", (found["rank1"] - found["raw"])[:, FAR].mean(axis=1))
            right = (again @ gallery.T).argmax(dim=1) == torch.arange(len(frontal))
            result |= named(f"{prefix}rank1_mirror", right.double().numpy())
            for key, value in found.items():
                result |= named(prefix + key, value[:, FAR].mean(axis=1))
                for angle in range(15, 91, 15):
                    at = [YAWS.index(-angle), YAWS.index(angle)]
                    result |= named(f"{prefix}{key}_{angle}", value[:, at].mean(axis=1))
        self.hits = torch.stack(hits)

        far = torch.isin(test["yaw"], torch.tensor([YAWS[i] for i in FAR]))
        true = test["image"][test["front"][far]] / 255
        stands = {"": made[far] / 255, "copy_": test["image"][far] / 255}
        if self.data is not None:
            train = self.data.train
            face = train["image"][train["front"].unique()].float().mean(dim=0).cpu() / 255
            stands["mean_"] = face.expand_as(true)
        for prefix, guess in stands.items():
            decibels = -10 * (guess - true).square().mean(dim=(1, 2, 3)).log10()
            for key, values in (("psnr", decibels), ("ssim", ssim(guess, true))):
                result |= named(prefix + key, values.reshape(len(frontal), -1).mean(dim=1).double().numpy())
        turned = self.given(test["image"][far], test["landmarks"][far])[0].cpu()
        for key, images in (("asymmetry", made[far] / 255), ("asymmetry_true", true)):
            own = torch.where(turned[:, None, None, None], images.flip(2), images)
            result[key] = float(symmetry_loss(2 * own.permute(0, 3, 1, 2) - 1))
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made`` of the same pictures of test people at every step (`watched`), the bytes of a WebP picture (see
        `engines.data.webp`); ``test_psnr`` (dB) over all pictures of the people to watch.
        """
        probe = {key: value.cpu() for key, value in self.data.probe.items()}
        made = self.front(probe["image"], probe["landmarks"]).cpu()
        true = probe["image"][probe["front"]] / 255
        decibels = -10 * (made - true).square().mean(dim=(1, 2, 3)).log10()
        at = watched(len(made))
        packed = webp.pack(learning.to_bytes(made[at]).numpy(), quality=90)
        return self.framed({"test_psnr": float(decibels.mean())}, made=packed)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "hits": self.hits.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        if "hits" in state:
            self.hits = state["hits"].clone()


def watched(n: int) -> np.ndarray:
    """The rows that a film shows: each person once, at the turns one after the other, the greatest first."""
    turns = (0, 12, 1, 11, 2, 10, 3, 9, 4, 8, 5, 7)
    return np.array([len(YAWS) * i + turns[i % len(turns)] for i in range(n // len(YAWS))])


def recogniser(variant: str, device: str) -> Recogniser:
    """The shipped recogniser for the loss (""), the ``judge``, or the one of turns ``near`` the front."""
    return checkpoints.teacher("recogniser", variant, device)
