r"""The contract every algorithm keeps (Engine, Frame) and the registry that makes one by name.

An engine is one algorithm in motion: a plain class with a frozen ``Config``, that takes one visible
step at a time and can say at any moment what it looks like. It never imports streamlit, never touches
a global random generator and never starts a thread; `engines.run.Run` drives it.
"""

from __future__ import annotations

import importlib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from engines.checks import nearest

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
        "class_mixtures": "engines.foundations.class_mixtures:ClassMixtures",
        "ngram": "engines.foundations.ngram:NGram",
        "melody": "engines.foundations.melody:Melody",
        "classifier": "engines.foundations.classifier:Classifier",
        "gan2d": "engines.gans.gan2d:GAN2D",
        "equilibrium": "engines.gans.equilibrium:Equilibrium",
        "dcgan": "engines.gans.dcgan:DCGAN",
        "anogan": "engines.making.anogan:AnoGAN",
        "anogan_search": "engines.making.anogan:Search",
        "midinet": "engines.making.midinet:MidiNet",
        "mgan": "engines.making.mgan:MGAN",
        "mdan": "engines.making.mdan:MDAN",
        "perceptual_gan": "engines.making.perceptual_gan:PerceptualGAN",
        "bird_judge": "engines.making.bird_judge:BirdJudge",
        "srgan": "engines.making.srgan:SRGAN",
        "stackgan": "engines.making.stackgan:StackGAN",
        "3dgan": "engines.making.threedgan:ThreeDGAN",
        "cgan": "engines.gans.cgan:CGAN",
        "infogan": "engines.gans.infogan:InfoGAN",
        "dtn": "engines.translation.dtn:DTN",
        "cyclegan": "engines.translation.cyclegan:CycleGAN",
        "pose_guided": "engines.translation.pose_guided:PoseGuided",
        "discogan": "engines.translation.discogan:DiscoGAN",
        "discogan2d": "engines.translation.discogan2d:DiscoGAN2D",
        "pix2pix": "engines.translation.pix2pix:Pix2Pix",
        "recogniser": "engines.people.recogniser:Recogniser",
        "tpgan": "engines.people.tpgan:TPGAN",
        "attribute_judge": "engines.people.attributes:AttributeJudge",
        "icgan": "engines.people.icgan:IcGAN",
        "anime": "engines.people.anime:Anime",
        "age_judge": "engines.people.age_judge:AgeJudge",
        "age_cgan": "engines.people.age_cgan:AgeCGAN",
        "age_search": "engines.people.age_search:AgeSearch",
        "pixeldtgan": "engines.translation.pixeldtgan:PixelDTGAN",
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
    arrays: Mapping[str, Any] = field(default_factory=dict)  # given as arrays or as tensors on any device

    def __post_init__(self) -> None:
        frozen = {}
        for name, array in self.arrays.items():
            # A view of memory that the engine goes on writing to would change under the viewer.
            copy = np.array(array.detach().cpu().numpy() if hasattr(array, "detach") else array, copy=True)
            copy.flags.writeable = False
            frozen[name] = copy
        object.__setattr__(self, "arrays", MappingProxyType(frozen))
        scalars = {name: float(value) for name, value in self.scalars.items()}
        object.__setattr__(self, "scalars", MappingProxyType(scalars))

    @property
    def nbytes(self) -> int:
        """Memory the arrays hold, in bytes, plus a flat kilobyte for the rest."""
        return 1024 + sum(array.nbytes for array in self.arrays.values())


class Engine:
    """One algorithm in motion; see engines/README.md for the whole contract. What follows `load_state_dict` is
    optional: a class says it where it holds.
    """

    name: ClassVar[str]
    Config: ClassVar[type]
    config: Any  # frozen, keyword-only, validated in __post_init__
    data: Any  # what it learns from, as it lies on the device: a fork shares it
    device: Any  # torch.device

    @property
    def done(self) -> bool:
        """True once another step would change nothing worth showing (converged, or out of steps)."""
        raise NotImplementedError

    def step(self) -> None:
        """ONE visible iteration; raises FloatingPointError with a sentence when numbers break."""
        raise NotImplementedError

    def frame(self) -> Frame:
        """What to draw now; the only place that copies off the device."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit: tensors, numbers, strings, generators included."""
        raise NotImplementedError

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; ValueError names the first key or shape that does not fit."""
        raise NotImplementedError

    # -- optional --------------------------------------------------------------------------------------

    n_threads: ClassVar[int | None] = None  # of torch, while a run computes; None leaves them as they are
    learns_from: ClassVar[Any] = None  # a class of `engines.material`; None: rows of numbers, material.Points
    training_state: ClassVar[tuple[str, ...]] = ()  # keys, or their beginnings, that only learning on needs
    VARIANTS: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})  # ablations: name -> settings

    @property
    def n_parameters(self) -> int:
        """Numbers that are learned; 0 leaves the counting to the tensors of the state."""
        return 0

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:  # noqa: ARG002
        """Measures on what `material.Material.held_out` holds, for the card; {} has it measured by `log_prob`."""
        return {}

    def log_prob(self, *args: Any, **kwargs: Any) -> Any:
        """log p(x) in nats of rows (B, ...) -> (B,), where the model has a density."""
        raise NotImplementedError

    @classmethod
    def stand_in(cls, state: Mapping[str, Any]) -> Any:  # noqa: ARG003
        """What stands for the data where an engine that insists on some is restored from its state alone; tensors of
        the data that a checkpoint holds are in it as "data.NAME".
        """
        return None

    def tensors_of_data(self) -> Mapping[str, Any]:
        """What was found in the data once and a checkpoint must hold, though a run's states need not."""
        return {}

    @classmethod
    def shapes_of(cls, config: Any) -> dict[str, tuple[int, ...]]:  # noqa: ARG003
        """The shapes that an engine of this config keeps in its state, found without taking their memory."""
        return {}


def names() -> tuple[str, ...]:
    """The names that ``create`` knows."""
    return tuple(ENGINES)


def engine_class(name: str) -> Any:
    """The class behind ``name``; ValueError lists the known names."""
    if name not in ENGINES:
        raise ValueError(f"no engine is called {name!r}{nearest(name, ENGINES)}; known: {', '.join(ENGINES)}")
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


def _check_settings(name: str, config: type, settings: Mapping[str, Any]) -> None:
    known = [f.name for f in fields(config)]
    for setting in settings:
        if setting not in known:
            raise ValueError(f"{name} has no setting {setting!r}{nearest(setting, known)}; known: {', '.join(known)}")
    check_types(config, settings)


@lru_cache(maxsize=64)
def _hints(config: type) -> Mapping[str, Any]:
    return typing.get_type_hints(config)


def check_types(config: type, settings: Mapping[str, Any]) -> None:
    """ValueError names the first setting that is not of its field's type; an int serves as a float."""
    for key, value in settings.items():
        wanted = _hints(config)[key]
        kinds = typing.get_args(wanted) if isinstance(wanted, types.UnionType) else (wanted,)
        if not any(_is_of(value, typing.get_origin(kind) or kind) for kind in kinds):
            shown = " or ".join(_WORDS.get(typing.get_origin(kind) or kind, str(kind)) for kind in kinds)
            raise ValueError(f"{key} must be {shown}, got {str(value)[:40]!r}")


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", tuple: "a list",
          types.NoneType: "none"}  # fmt: skip
_GIVEN_AS = {bool: (bool, np.bool_), int: (int, np.integer), float: (int, float, np.number), tuple: (tuple, list)}


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value serves as this kind of setting; whole numbers beyond 64 bits serve as none."""
    if kind in (int, float) and isinstance(value, (int, np.integer)):
        return not isinstance(value, bool) and abs(int(value)) < 2**63
    return not isinstance(kind, type) or isinstance(value, _GIVEN_AS.get(kind, kind))
