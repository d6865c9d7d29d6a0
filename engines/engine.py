r"""The contract every algorithm keeps (Engine, Frame) and the registry that makes one by name.

An engine is one algorithm in motion: a plain class with a frozen ``Config``, that takes one visible
step at a time and can say at any moment what it looks like. It never imports streamlit, never touches
a global random generator and never starts a thread; `engines.run.Run` drives it.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

# name -> "module:class". A module is imported when its engine is first asked for, so that listing
# the names costs nothing.
ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "bayes": "engines.foundations.bayes:Bayes",
        "gmm": "engines.mixtures.gmm:GaussianMixture",
        "kmeans": "engines.mixtures.kmeans:KMeans",
        "variational_gmm": "engines.mixtures.variational_gmm:VariationalGaussianMixture",
        "autoencoder": "engines.autoencoders.autoencoder:Autoencoder",
        "vae": "engines.autoencoders.vae:VariationalAutoencoder",
        "bayes_classifier": "engines.foundations.bayes_classifier:BayesClassifier",
        "ngram": "engines.foundations.ngram:NGram",
        "melody": "engines.foundations.melody:Melody",
        "classifier": "engines.foundations.classifier:Classifier",
        "gan2d": "engines.gans.gan2d:GAN2D",
        "equilibrium": "engines.gans.equilibrium:Equilibrium",
        "dcgan": "engines.gans.dcgan:DCGAN",
        "anogan": "engines.making.anogan:AnoGAN",
        "anogan_search": "engines.making.anogan:Search",
        "dtn": "engines.translation.dtn:DTN",
        "discogan": "engines.translation.discogan:DiscoGAN",
        "discogan2d": "engines.translation.discogan2d:DiscoGAN2D",
        "pix2pix": "engines.translation.pix2pix:Pix2Pix",
        "transposed_convolution": "engines.gans.transposed_convolution:TransposedConvolution",
        "pixelcnn": "engines.autoregressive.pixelcnn:PixelCNN",
        "gated_pixelcnn": "engines.autoregressive.gated_pixelcnn:GatedPixelCNN",
        "pixelcnn_pp": "engines.autoregressive.pixelcnn_pp:PixelCNNPP",
        "multiscale": "engines.autoregressive.multiscale:Multiscale",
        "fill": "engines.autoregressive.fill:Fill",
        "row_lstm": "engines.autoregressive.row_lstm:RowLSTM",
        "trpo": "engines.imitation.trpo:TRPO",
        "behavioural_cloning": "engines.imitation.behavioural_cloning:BehaviouralCloning",
        "gail": "engines.imitation.gail:GAIL",
        "diagonal_bilstm": "engines.autoregressive.diagonal_bilstm:DiagonalBiLSTM",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One immutable picture of an algorithm's state, ready to draw; it knows nothing of colours.

    ``step`` counts visible steps from 0 (the start, before any step); ``phase`` names what the last
    step did ("start", "E", "M"); ``scalars`` are plain floats; ``arrays`` are read-only copies.
    """

    step: int
    phase: str = ""
    scalars: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frozen = {}
        for name, array in self.arrays.items():
            # A view of memory that the engine goes on writing to would change under the viewer.
            copy = np.array(array, copy=True)
            copy.flags.writeable = False
            frozen[name] = copy
        object.__setattr__(self, "arrays", MappingProxyType(frozen))
        scalars = {name: float(value) for name, value in self.scalars.items()}
        object.__setattr__(self, "scalars", MappingProxyType(scalars))

    @property
    def nbytes(self) -> int:
        """Memory the arrays hold, in bytes, plus a flat kilobyte for the rest."""
        return 1024 + sum(array.nbytes for array in self.arrays.values())


@runtime_checkable
class Engine(Protocol):
    """One algorithm in motion; see engines/README.md for the whole contract."""

    name: ClassVar[str]
    Config: ClassVar[type]
    config: Any  # frozen, keyword-only, validated in __post_init__
    data: Any  # what it learns from, as it lies on the device: a fork shares it
    device: Any  # torch.device

    @property
    def done(self) -> bool:
        """True once another step would change nothing worth showing (converged, or out of steps)."""

    def step(self) -> None:
        """ONE visible iteration; raises FloatingPointError with a sentence when numbers break."""

    def frame(self) -> Frame:
        """What to draw now; the only place that copies off the device."""

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit: tensors, numbers, strings, generators included."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; ValueError names the first key or shape that does not fit."""


def names() -> tuple[str, ...]:
    """The names that ``create`` knows."""
    return tuple(ENGINES)


def engine_class(name: str) -> Any:
    """The class behind ``name``; ValueError lists the known names."""
    if name not in ENGINES:
        raise ValueError(f"no engine is called {name!r}{_nearest(name, ENGINES)}; known: {', '.join(ENGINES)}")
    module, _, attribute = ENGINES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def create(name: str, *, data: Any = None, device: str = "auto", **settings: Any) -> Engine:
    """Make an engine: ``create("gmm", data=x, n_components=3, seed=0, device="cpu")``.

    ``settings`` are the fields of the engine's Config; an unknown one is a ValueError that lists
    the known ones. ``data`` is whatever the engine learns from (for the mixtures: (N, D) floats).
    """
    cls = engine_class(name)
    _check_settings(name, cls.Config, settings)
    return cls(cls.Config(**settings), data=data, device=device)


def rebuild(engine: Engine, **settings: Any) -> Engine:
    """A fresh engine on the same data and device, with some settings changed; its state is not carried over."""
    _check_settings(engine.name, engine.Config, settings)
    config = replace(engine.config, **settings)
    return type(engine)(config, data=engine.data, device=str(engine.device))  # type: ignore[call-arg]


def pretrained(name: str, variant: str = "") -> Engine:
    """The engine with the weights that ship in ``checkpoints/`` (validated, never unpickled)."""
    from engines.checkpoints import load_engine

    return load_engine(name, variant)


def _check_settings(name: str, config: type, settings: Mapping[str, Any]) -> None:
    known = [f.name for f in fields(config)]
    for setting in settings:
        if setting not in known:
            raise ValueError(f"{name} has no setting {setting!r}{_nearest(setting, known)}; known: {', '.join(known)}")


def _nearest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
