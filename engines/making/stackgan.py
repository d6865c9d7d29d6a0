r"""StackGAN: a drawing from a caption in two stages. Zhang et al. 2017 (arXiv:1612.03242).

t is a caption and \varphi_t its embedding, by an encoder that is learned first and then frozen. *Conditioning
augmentation* draws what the generator is told from a Gaussian about the caption, which is kept near the standard one:

    c ~ N(\mu(\varphi_t), \Sigma(\varphi_t)),  \Sigma diagonal;   D_KL(N(\mu(\varphi_t), \Sigma(\varphi_t)) || N(0, I))

Stage 1 draws 16 x 16 pixels from noise z and c_0. Stage 2 draws 64 x 64 from stage 1's drawing and reads the caption
again, through an augmentation of its own. With \hat I = G_0(z, c_0), and then \hat I = G(G_0(z, c_0), c):

    max_D  E[log D(I, \varphi_t)] + E[log(1 - D(\hat I, \varphi_t))] / 2 + E[log(1 - D(I, \varphi_{t'}))] / 2
    min_G  E[-log D(\hat I, \varphi_t)] + \lambda D_KL + \eta E|\hat I - I|_1

The last term of D's is what makes it *matching-aware*: a true drawing beside the caption t' of another one is wrong
too (section 3.4; the halves are the authors' code's, github.com/hanzhanggit/StackGAN-Pytorch, miscc/utils.py). D_KL is
the mean over c's numbers, as there. \eta is not the paper's: with a few thousand small batches the game alone leaves
stains, so G is also drawn to the drawing that the caption tells of, as in pix2pix (``pixel_weight``).

Departures: 16 and 64 pixels instead of 64 and 256; drawings instead of photos; the encoder is two convolutions over
words, learned to name what a caption tells of fourteen attributes and not jointly with photos, because what captions
tell is known here and half a minute is enough; c begins close to its mean, or nothing of a caption would pass the noise
at first; stage 2 adds to what stage 1 drew, enlarged, at first nothing, where the paper's draws anew; one residual
block; transposed convolutions instead of enlarging and convolving; few channels; 1 - D becomes -log D for G; larger
learning rates, which fall along a cosine in each part of the training.
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
from engines.making import captions
from engines.making.captions import FIELDS, N_WORDS, TOLD, VALUES
from engines.material import Captions, Fields
from engines.maths.intervals import named
from engines.maths.samples import frechet_named

if TYPE_CHECKING:
    from engines.making.bird_judge import BirdJudge

COARSE, SIDE = 16, 64
SHOWN = 12  # test captions that a frame draws
NARROW = -4.0  # log \sigma^2 at the start
PAIRED = 64  # drawings in a batch of D's, when it is asked

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 8, "text_steps": 500, "stage1_steps": 600, "n_steps": 1_400}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "no-ca": {**_SMALL, "augmented": False},
    "no-wrong": {**_SMALL, "matching": False},
    "one-stage": {**_SMALL, "stacked": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StackGANConfig(learning.LearnerConfig):
    channels: int = 12  # of the layers next to the image
    latent_dim: int = 32  # of z
    condition_dim: int = 48  # of c
    n_features: int = 96  # of a caption's embedding
    augmented: bool = True  # conditioning augmentation; without it c is \mu
    matching: bool = True  # wrong captions beside true drawings, in D
    stacked: bool = True  # two stages; without it stage 1 draws all 64 pixels
    kl_weight: float = 1.0  # \lambda
    pixel_weight: float = 25.0  # \eta
    text_steps: int = 600  # the first batches, for the encoder alone
    stage1_steps: int = 2_000  # the batches after them, for stage 1
    text_rate: float = 3e-3
    refining_rate: float = 4e-4  # of stage 2
    beta1: float = 0.5
    batch_size: int = 16
    n_steps: int = 3_600

    def __post_init__(self) -> None:
        learning.check(
            self, channels=(1, 256), latent_dim=(1, 1024), condition_dim=(1, 1024), n_features=(1, 4096),
            kl_weight=(0, 1000), pixel_weight=(0, 1000), text_rate=(1e-9, 1), refining_rate=(1e-9, 1),
            batch_size=(2, 4096), n_steps=(1, 10**7), text_steps=(0, self.n_steps), stage1_steps=(0, self.n_steps),
        )  # fmt: skip


class Encoder(nn.Module):
    r"""\varphi_t: word numbers (B, W) -> (B, F). Three words in a row, twice, and of every feature the largest."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.words = nn.Sequential(
            nn.Conv1d(N_WORDS, 96, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv1d(96, 128, 3, padding=1), nn.LeakyReLU(0.2)
        )
        self.embed = nn.Sequential(nn.Linear(128, n_features), nn.Tanh())
        # Of each attribute: not told, or which value.
        self.heads = nn.ModuleDict({field: nn.Linear(n_features, 1 + len(VALUES[field])) for field in FIELDS})

    def forward(self, tokens: Tensor) -> Tensor:
        return self.embed(self.words(F.one_hot(tokens.long(), N_WORDS).transpose(1, 2).float()).amax(dim=2))


class Augmentation(nn.Module):
    r"""(B, F) -> \mu and \log \sigma^2 of c (B, C) each."""

    def __init__(self, n_features: int, n_out: int) -> None:
        super().__init__()
        self.layer = nn.Linear(n_features, 2 * n_out)

    def forward(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.layer(phi).chunk(2, dim=1)
        return mean, log_variance


def kl_to_standard(mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""D_KL(N(\mu, \sigma^2) || N(0, 1)), averaged over c's numbers and the batch: (B, C) each -> ()."""
    return (mean**2 + log_variance.exp() - 1 - log_variance).mean() / 2


def up(n_in: int, n_out: int) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(n_out), nn.ReLU()]


def down(n_in: int, n_out: int) -> list[nn.Module]:
    """D's normalise by the batch at hand, always."""
    conv = nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(n_out, track_running_stats=False), nn.LeakyReLU(0.2)]


class Stage1(nn.Module):
    """G_0: z and c (B, Z + C) -> a drawing before its tanh, (B, 3, S, S)."""

    def __init__(self, n_in: int, c: int, side: int) -> None:
        super().__init__()
        widths = {16: (6 * c, 4 * c, 2 * c), 64: (6 * c, 4 * c, 3 * c, 2 * c, c)}[side]
        start = [nn.Linear(n_in, 16 * widths[0], bias=False), nn.Unflatten(1, (widths[0], 4, 4))]
        layers = [*start, nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for a, b in pairwise(widths):
            layers += up(a, b)
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 3, 3, padding=1))

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        return self.layers(torch.cat([z, c], dim=1))


class Stage2(nn.Module):
    """G: stage 1's drawing before its tanh (B, 3, 16, 16) and c (B, C) -> the same, finer: (B, 3, 64, 64).

    Down to 8 x 8, where c is laid beside every place; a residual block; up again, and added to the drawing.
    """

    def __init__(self, n_condition: int, c: int) -> None:
        super().__init__()
        norm = nn.BatchNorm2d
        self.see = nn.Sequential(nn.Conv2d(3, c, 3, padding=1), nn.ReLU())
        self.down = nn.Sequential(nn.Conv2d(c, 3 * c, 4, stride=2, padding=1, bias=False), norm(3 * c), nn.ReLU())
        self.join = nn.Sequential(
            nn.Conv2d(3 * c + n_condition, 4 * c, 3, padding=1, bias=False), norm(4 * c), nn.ReLU()
        )
        self.block = nn.Sequential(
            nn.Conv2d(4 * c, 4 * c, 3, padding=1, bias=False), norm(4 * c), nn.ReLU(),
            nn.Conv2d(4 * c, 4 * c, 3, padding=1, bias=False), norm(4 * c),
        )  # fmt: skip
        self.up = nn.Sequential(*up(4 * c, 2 * c))
        self.finer = nn.Sequential(*up(3 * c, 2 * c), nn.ConvTranspose2d(2 * c, 3, 4, stride=2, padding=1))

    def forward(self, coarse: Tensor, c: Tensor) -> Tensor:
        seen = self.see(coarse.tanh())
        h = self.down(seen)
        h = self.join(torch.cat([h, c[:, :, None, None].expand(-1, -1, *h.shape[2:])], dim=1))
        h = self.finer(torch.cat([self.up(F.relu(h + self.block(h))), seen], dim=1))
        return F.interpolate(coarse, scale_factor=SIDE / COARSE, mode="bilinear", align_corners=False) + h


class Discriminator(nn.Module):
    """Drawings (B, 3, S, S) -> maps (B, M, 4, 4) -> with a caption's embedding (B, F) the logit of "real and right"."""

    def __init__(self, n_features: int, n_condition: int, c: int, side: int) -> None:
        super().__init__()
        widths = {16: (3 * c, 6 * c), 64: (c, 2 * c, 4 * c, 6 * c)}[side]
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for a, b in pairwise(widths):
            layers += down(a, b)
        self.look = nn.Sequential(*layers)
        self.told = nn.Sequential(nn.Linear(n_features, n_condition), nn.LeakyReLU(0.2))
        self.join = nn.Sequential(
            nn.Conv2d(6 * c + n_condition, 6 * c, 1, bias=False),
            nn.BatchNorm2d(6 * c, track_running_stats=False), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.judge = nn.Sequential(nn.Conv2d(6 * c, 1, 4), nn.Flatten(0))

    def forward(self, x: Tensor, *phis: Tensor) -> Any:
        """The logits of the same drawings beside each of several captions, (B,) each; of one, a Tensor."""
        seen = self.look(x)
        said = []
        for phi in phis:
            told = self.told(phi)[:, :, None, None].expand(-1, -1, 4, 4)
            said.append(self.judge(self.join(torch.cat([seen, told], dim=1))))
        return said[0] if len(said) == 1 else said


class StackGAN(learning.Learner):
    """Learns from `Captions`; without data it draws only."""

    name: ClassVar[str] = "stackgan"
    Config: ClassVar[type] = StackGANConfig
    learns_from: ClassVar[type[Captions]] = Captions
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        n, c, side = config.n_features, config.channels, COARSE if config.stacked else SIDE
        players: dict[str, nn.Module] = {
            "text": Encoder(n),
            "CA0": Augmentation(n, config.condition_dim),
            "G0": Stage1(config.latent_dim + config.condition_dim, c, side),
            "D0": Discriminator(n, config.condition_dim, c, side),
        }
        if config.stacked:
            players |= {
                "CA": Augmentation(n, config.condition_dim),
                "G": Stage2(config.condition_dim, c),
                "D": Discriminator(n, config.condition_dim, c, SIDE),
            }
        return nn.ModuleDict(players)

    def start(self, network: Any) -> nn.Module:
        for player in ("G0", "D0", "G", "D"):
            if player in network:
                learning.start_small(self, network[player])
        if "G" in network:
            nn.init.zeros_(network["G"].finer[-1].weight)
        nn.init.normal_(network["text"].words[0].weight, 0.0, 0.4, generator=self.rng)  # one word of 92 is 1, others 0
        for player in ("CA0", "CA"):
            if player in network:
                nn.init.constant_(network[player].layer.bias[self.config.condition_dim :], NARROW)
        return network

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A batch for the encoder, then for stage 1, then for stage 2."""
        config = self.config
        if self.iteration < config.text_steps:
            known = torch.from_numpy(captions.told(batch["attributes"].cpu().numpy())).to(self.device)
            phi = self.learners["text"](batch["tokens"].flatten(0, 1))  # all five captions of each drawing
            loss = naming(self.network["text"], phi, known.flatten(0, 1))
            self.descend(loss, "text")
            return {"text_loss": loss}

        which = self.shared(torch.randint(0, batch["tokens"].shape[1], (self.n_batch,), generator=self.rng))
        tokens = batch["tokens"][torch.arange(len(which), device=self.device), which]  # one of a drawing's captions
        noise = tuple(self.shared(part) for part in self.noise(self.n_batch, self.rng))
        phi, images = self.embed(tokens), self.pixels(batch["image"])
        if self.stage == 1:
            small = images if not config.stacked else F.avg_pool2d(images, SIDE // COARSE)
            c, kl = self.condition("CA0", phi, noise[1])
            made = self.learners["G0"](noise[0], c).tanh()
            return self.play("D0", ("CA0", "G0"), small, made, phi, kl)
        with torch.no_grad():
            coarse = self.network["G0"].eval()(noise[0], self.condition("CA0", phi, noise[1])[0])
        c, kl = self.condition("CA", phi, noise[2])
        return self.play("D", ("CA", "G"), images, self.learners["G"](coarse, c).tanh(), phi, kl)

    def play(
        self, judge: str, drawers: tuple[str, ...], true: Tensor, made: Tensor, phi: Tensor, kl: Tensor
    ) -> dict[str, Tensor]:
        """A step of a stage's D, then one of its augmentation and generator."""
        d_loss, said = self.loss_of_d(self.learners[judge], true, made.detach(), phi)
        self.descend(d_loss, judge)
        with self.held(judge) as held:
            gan = F.softplus(-held(made, phi)).mean()
        l1 = (made - true).abs().mean()
        loss = gan + self.config.pixel_weight * l1
        self.descend(loss + self.config.kl_weight * kl if self.config.augmented else loss, *drawers)
        end = "0" if judge == "D0" else ""
        return {key + end: value for key, value in (said | {"gan": gan, "kl": kl, "l1": l1}).items()}

    def loss_of_d(self, D: Any, true: Tensor, made: Tensor, phi: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """-log D(I, t) - log(1 - D(made, t)) / 2 - log(1 - D(I, t')) / 2; without wrong captions -log D - log(1 - D).

        t' are the captions of the batch's other drawings, which stand in an order of chance.
        """
        right, wrong = D(true, phi, phi.roll(1, dims=0))
        fake = D(made, phi)
        real_loss, fake_loss, wrong_loss = (F.softplus(x).mean() for x in (-right, fake, wrong))
        loss = real_loss + ((fake_loss + wrong_loss) / 2 if self.config.matching else fake_loss)
        shares = {f"d_{key}": x.sigmoid().mean() for key, x in {"real": right, "fake": fake, "wrong": wrong}.items()}
        return loss, {"d_loss": loss, **shares}

    @property
    def stage(self) -> int:
        """0: the encoder learns; 1 and 2: that stage."""
        config, at = self.config, self.iteration
        if at < config.text_steps:
            return 0
        return 1 if not config.stacked or at < config.text_steps + config.stage1_steps else 2

    @property
    def phase_starts(self) -> tuple[int, ...]:
        """The steps at which a part of the training begins."""
        config = self.config
        ends = (config.text_steps, config.text_steps + config.stage1_steps)[: 2 if config.stacked else 1]
        return 0, *(-(-end // config.batches_per_step) for end in ends)

    @property
    def decayed(self) -> float:
        """The learning rates fall along a cosine to 0 in each part."""
        config = self.config
        marks = [0, config.text_steps, *([config.text_steps + config.stage1_steps] if config.stacked else [])]
        start = max(mark for mark in marks if mark <= self.iteration)
        end = min([mark for mark in marks if mark > self.iteration], default=config.n_steps)
        return learning.cosine(self.iteration - start, max(end - start, 1))

    def learning_rate_of(self, player: str) -> float:
        config = self.config
        return {"text": config.text_rate, **dict.fromkeys(("CA", "G", "D"), config.refining_rate)}.get(
            player, config.learning_rate
        )

    def noise(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """z (n, Z), and what draws c in stage 1 and in stage 2 (n, C)."""
        config = self.config
        sizes = (config.latent_dim, config.condition_dim, config.condition_dim)
        return tuple(torch.randn(n, size, generator=generator) for size in sizes)  # type: ignore[return-value]

    def condition(self, player: str, phi: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        r"""c = \mu + \sigma \cdot noise (without augmentation \mu), and D_KL."""
        mean, log_variance = self.learners[player](phi)
        kl = kl_to_standard(mean, log_variance)
        return (mean + (log_variance / 2).exp() * noise if self.config.augmented else mean), kl

    def pixels(self, images: Any) -> Tensor:
        """Drawings (B, 64, 64, 3), bytes or 0..1 -> (B, 3, 64, 64) in -1..1."""
        return learning.pixels_of(images, SIDE, self.device)

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def embed(self, tokens: Any) -> Tensor:
        r"""\varphi_t of captions (B, W), word numbers: (B, F) in -1..1."""
        rows = torch.as_tensor(np.array(tokens) if isinstance(tokens, np.ndarray) else tokens, device=self.device)
        return self.network["text"].eval()(rows)

    @torch.no_grad()
    def understood(self, phi: Tensor) -> dict[str, Tensor]:
        """What the encoder takes a caption to tell: p(not told), p(value) ... of each attribute (B, 1 + values)."""
        return {field: head(phi).softmax(dim=1) for field, head in self.network["text"].heads.items()}

    @torch.no_grad()
    def draw(self, phi: Tensor, noise: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Stage 1's drawings (B, 16, 16, 3) and the results (B, 64, 64, 3) in 0..1; one stage draws both alike."""
        z, first, second = (part.to(self.device) for part in noise)
        coarse = self.network["G0"](z, self.condition("CA0", phi, first)[0])
        made = coarse
        if self.config.stacked:
            made = self.network["G"](coarse, self.condition("CA", phi, second)[0])
        return tuple((x.tanh().permute(0, 2, 3, 1) + 1) / 2 for x in (coarse, made))

    def _drawn(self, phi: Tensor, noise: tuple[Tensor, ...]) -> Tensor:
        """The results for many captions, a few at a time: (N, 64, 64, 3) in 0..1."""
        parts = zip(phi.split(PAIRED), *(part.split(PAIRED) for part in noise), strict=True)
        return torch.cat([self.draw(some, tuple(draws))[1].cpu() for some, *draws in parts])

    @torch.no_grad()
    def score(self, images: Any, *phis: Tensor) -> list[Tensor]:
        """The logit of "real and right" of drawings (N, 64, 64, 3) beside each of several captions (N, F): (N,) each.

        D normalises by the batch, as it learned to: by 64 drawings and captions at a time.
        """
        D = self.network["D" if self.config.stacked else "D0"]
        n = len(images) - len(images) % PAIRED or len(images)  # whole batches only
        x = self.pixels(images)[:n]
        return [
            torch.cat([D(a, b) for a, b in zip(x.split(PAIRED), phi[:n].split(PAIRED), strict=True)]) for phi in phis
        ]

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Of test drawings, all of combinations not learned from, and the first caption of each, with 95 % intervals:

        ``match``: how often D scores the own caption above that of another test drawing (chance 0.5), ``match_colour``
        above itself with another first colour. By `bird_judge`: the shares of drawings made for the captions that have
        the ``kind``, ``body``, ``second``, ``size``, ``place`` asked for, ``obeyed`` their mean; the same of the true
        drawings ("_real", the ceiling) and of drawings made for another caption ("_other", the floor); ``frechet``, the
        distance of the judge's features, and ``frechet_real`` of true drawings to training drawings.
        ``spread``: how much two drawings of one caption differ, in levels of 255; ``read``: how often the encoder names
        what a caption tells.
        """
        by, known, tokens = judge(str(self.device)), test["attributes"].cpu(), test["tokens"][:, 0]
        n = len(known)
        phi, noise = self.embed(tokens), self.noise(2 * n, learning.stream(self.config.seed, 2))
        first, again = (self._drawn(phi, tuple(part[k : k + n] for part in noise)) for k in (0, n))
        changed = captions.recoloured(tokens.cpu().numpy(), np.random.default_rng(self.config.seed))
        own, other, colour = self.score(test["image"], phi, phi.roll(n // 2, dims=0), self.embed(changed))
        result = {
            **named("match", (own > other).double().cpu().numpy()),
            **named("match_colour", (own > colour).double().cpu().numpy()),
            **obeyed(by.judged(first), known),
            **obeyed(by.judged(test["image"]), known, "_real"),
            **obeyed(by.judged(first), known.roll(n // 2, dims=0), "_other"),
            **named("spread", 255 * (first - again).abs().mean(dim=(1, 2, 3)).double().numpy()),
        }
        said = self.understood(phi)
        right = [(said[field].argmax(dim=1).cpu() == known[:, FIELDS.index(field)] + 1).double() for field in TOLD]
        result |= named("read", torch.stack(right).mean(dim=0).numpy())
        true, made = by.features(test["image"]), by.features(first)
        result |= frechet_named("frechet", true, made)
        if self.data is not None:
            some = by.features(self.data.train["image"][:n].cpu())
            m = min(len(some), n)
            result |= frechet_named("frechet_real", true[:m], some[:m])
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``coarse`` and ``made`` of the first test captions by the same noise at every step, each the bytes of a WebP
        picture (see `engines.data.webp`); ``obeyed`` by the judge over the captions to watch.
        """
        tokens, known = self.data.probe["tokens"][:, 0], self.data.probe["attributes"].cpu()
        coarse, made = self.draw(self.embed(tokens), self.noise(len(tokens), learning.stream(self.config.seed, 1)))
        by = judge(str(self.device))
        packed = {
            key: webp.pack(learning.to_bytes(value[:SHOWN]).cpu().numpy(), quality=85)
            for key, value in (("coarse", coarse), ("made", made))
        }
        return self.framed({"obeyed": obeyed(by.judged(made.cpu()), known)["obeyed"]}, **packed)


def naming(encoder: Any, phi: Tensor, known: Tensor) -> Tensor:
    """-log p(what is told | caption), the sum over the attributes: embeddings (B, F), `captions.told` (B, 14) -> ()."""
    losses = [F.cross_entropy(head(phi), known[:, FIELDS.index(field)].long()) for field, head in encoder.heads.items()]
    return torch.stack(losses).sum()


def obeyed(said: dict[str, Tensor], known: Tensor, end: str = "") -> dict[str, float]:
    """Shares of drawings with the attributes (N, 14) asked for, by attribute and their mean, with intervals."""
    right = {field: (said[field].argmax(dim=1) == known[:, FIELDS.index(field)]).double() for field in TOLD}
    result = named(f"obeyed{end}", torch.stack(list(right.values())).mean(dim=0).numpy())
    for field, values in right.items():
        result |= named(f"{field}{end}", values.numpy())
    return result


def judge(device: str) -> BirdJudge:
    """The shipped judge."""
    return checkpoints.teacher("bird_judge", "", device)
