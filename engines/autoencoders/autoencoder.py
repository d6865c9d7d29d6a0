r"""An autoencoder: the image goes through a hidden layer that is smaller than itself, and comes back.

    code = a(W x + b)  (M numbers),   logits = W' code + b',   x^ = sigmoid(logits)
    loss = -\sum_i x_i log x^_i + (1 - x_i) log(1 - x^_i)      the Bernoulli cross-entropy, in nats

Hinton & Salakhutdinov 2006 (Science 313:504). With a linear code and squared error the best it can do is to
span the first M principal components (Baldi & Hornik 1989, Neural Networks 2:53).

Departures: Adam from a random start instead of layer-wise pretraining. ``depth`` adds hidden layers on both sides.
The output's bias starts at the mean image: without that the hidden units spend themselves on drawing it, and
sigmoid units saturate there for good (measured: 50 instead of 29 squared error with M = 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from engines import checks, learning, material
from engines.engine import Frame
from engines.maths import intervals
from engines.maths.variational import bernoulli_log_prob

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "linear": nn.Identity}
LOSSES = ("bernoulli", "squared")
MAX_UNITS = 64  # hidden units that a frame shows as images


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderConfig(learning.LearnerConfig):
    code_dim: int = 32  # M
    depth: int = 0  # further hidden layers on each side
    width: int = 256  # units of such a layer
    activation: str = "sigmoid"  # of the code and of every further layer
    loss: str = "bernoulli"
    n_pixels: int = 784  # P
    learning_rate: float = 2e-3
    decay: bool = False  # let the learning rate fall to zero over n_steps, along a cosine
    batch_size: int = 128
    shown: int = 500  # test images that a frame carries the codes of

    def __post_init__(self) -> None:
        checks.at_least(self, 1, "code_dim", "width", "batch_size", "n_steps", "shown", "batches_per_step")
        checks.zero_or_more(self, "depth")
        if self.code_dim >= self.n_pixels:
            raise ValueError(
                f"code_dim must be smaller than the image ({self.n_pixels} pixels), got {self.code_dim}: "
                "a wider code could copy the image"
            )
        checks.known(self, activation=ACTIVATIONS, loss=LOSSES)
        learning.check(self)


class AutoencoderNetwork(nn.Module):
    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.loss = config.loss
        down = [config.n_pixels, *[config.width] * config.depth, config.code_dim]
        activation = ACTIVATIONS[config.activation]
        self.encoder = learning.perceptron(down, activation).append(activation())
        # What comes out are logits, or levels where the loss is squared.
        self.decoder = learning.perceptron(down[::-1], activation)

    def forward(self, x: Tensor) -> Tensor:
        """The loss of each image: (B, P) -> (B,), in nats or in squared levels."""
        out = self.decoder(self.encoder(x))
        each = (x - out).square() if self.loss == "squared" else -bernoulli_log_prob(x, out)
        return each.sum(dim=1)


class Autoencoder(learning.Learner):
    """Stochastic gradient descent on ``data`` (images); without data it encodes and decodes only."""

    name: ClassVar[str] = "autoencoder"
    Config: ClassVar[type] = AutoencoderConfig
    Network: ClassVar[type] = AutoencoderNetwork

    def start(self, network: nn.Module) -> nn.Module:
        if self.data is not None:
            self._start_at_mean(network, self.data.train["image"])
        return network

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"image": (self.config.n_pixels,)}

    @torch.no_grad()
    def _start_at_mean(self, network: Any, train: Tensor) -> None:
        sums = sum(part.sum(dim=0, dtype=torch.int64) for part in train.split(4096))  # no float copy of it all
        mean = sums.to(torch.float32) / (255 * len(train))  # (P,)
        if self.config.loss == "bernoulli":
            mean = torch.logit(mean.clamp(1e-3, 1 - 1e-3))
        network.decoder[-1].bias.copy_(mean)

    def learn(self, batch: material.Fields) -> dict[str, Tensor]:
        """One batch, one step of Adam."""
        loss = self.learners[""](batch["image"].to(torch.float32) / 255).mean()
        self.descend(loss)
        return {"loss": loss}

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, x: Any) -> Tensor:
        """The code of each image: (B, ...) -> (B, M)."""
        return self.network.encoder(learning.rows_of(x, self.config.n_pixels, self.device))

    @torch.no_grad()
    def decode(self, code: Any) -> Tensor:
        """The image of each code, in 0..1 (unbounded where the loss is squared): (B, M) -> (B, P)."""
        code = torch.as_tensor(code, dtype=torch.float32, device=self.device)
        if code.dim() != 2 or code.shape[1] != self.config.code_dim:
            raise ValueError(f"codes must have shape (B, {self.config.code_dim}), got {tuple(code.shape)}")
        out = self.network.decoder(code)
        return out if self.config.loss == "squared" else torch.sigmoid(out)

    def reconstruct(self, x: Any) -> Tensor:
        """(B, ...) -> (B, P)."""
        return self.decode(self.encode(x))

    def unit_images(self) -> Tensor:
        """What each hidden unit adds to the image: its outgoing weights, (M, P), where there is one hidden layer.

        With more layers: how the logits change when one unit goes from half a spread below to half above the
        mean code of the probe, the others at their mean.
        """
        if self.config.depth == 0:
            return self.network.decoder[0].weight.detach().T
        if self.data is None:
            raise ValueError("a deep autoencoder shows its hidden units on images: create it with data=images")
        with torch.no_grad():
            codes = self.encode(self.data.probe["image"])
            mean, spread = codes.mean(dim=0), codes.std(dim=0).diag()
            return self.network.decoder(mean + spread / 2) - self.network.decoder(mean - spread / 2)

    @torch.no_grad()
    def evaluate(self, images: Any) -> dict[str, float]:
        """Means over test images (B, ...), with intervals: ``cross_entropy`` in nats and ``squared_error``."""
        found = [intervals.of_mean(name, values.cpu().numpy()) for name, values in self.errors(images).items()]
        return {key: value for figures in found for key, value in figures.items()}

    @torch.no_grad()
    def errors(self, images: Any) -> dict[str, Tensor]:
        """``squared_error`` and, where that is learned, ``cross_entropy`` of each image: (B, ...) -> (B,) each."""
        x = learning.rows_of(images, self.config.n_pixels, self.device)
        out = self.network.decoder(self.network.encoder(x))
        mean = out if self.config.loss == "squared" else torch.sigmoid(out)
        result = {"squared_error": (x - mean).square().sum(dim=1).double()}
        if self.config.loss == "bernoulli":
            result["cross_entropy"] = -bernoulli_log_prob(x, out).sum(dim=1).double()
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    @torch.no_grad()
    def frame(self) -> Frame:
        """Scalars of `evaluate` over the probe (the first ``shown`` test images) and the running loss; arrays
        ``codes`` (S, M), ``originals`` and ``reconstructions`` (10, P) bytes, ``units`` (at most 64, P).
        """
        scalars: dict[str, float] = {}
        arrays: dict[str, Any] = {}
        if self.config.depth == 0 or self.data is not None:
            arrays["units"] = self.unit_images()[:MAX_UNITS]
        if self.data is not None:
            probe = self.data.probe["image"][: self.config.shown]
            scalars |= {name: float(values.mean()) for name, values in self.errors(probe).items()}
            codes = self.encode(probe)
            arrays |= {
                "codes": codes,
                "originals": probe[:10],
                "reconstructions": learning.to_bytes(self.decode(codes[:10])),
            }
        return self.framed(scalars, **arrays)


def pca_errors(images: Any, test: Any, n_components: tuple[int, ...]) -> np.ndarray:
    """PCA's squared error of each image of ``test`` (N, ...) after a fit to ``images``, for M numbers of components:
    (N, M)."""
    from engines.maths.pca import fit_pca

    rows, held = (learning.rows_of(x, x[0].size, torch.device("cpu")).double().numpy() for x in (images, test))
    pca = fit_pca(rows, max(n_components))
    centred = held - pca.mean  # (N, P)
    along = np.square(centred @ pca.components.T).cumsum(axis=1)  # what the first m directions hold of each
    return np.square(centred).sum(axis=1)[:, None] - along[:, [m - 1 for m in n_components]]
