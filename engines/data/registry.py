"""Every data set that needs no network, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from engines.checks import nearest
from engines.data import bundled, real, toy
from engines.data.dataset import Dataset

KINDS = MappingProxyType({"toy": toy.NAMES, "real": real.NAMES, "images": bundled.NAMES})
# what load() takes beside the name
_OPTIONS = MappingProxyType({"toy": ("n", "seed"), "real": (), "images": ("split", "labels", "n", "seed")})


def names(kind: str | None = None) -> tuple[str, ...]:
    """The names that ``load`` knows: all, or those of one kind ("toy", "real", "images")."""
    if kind is None:
        return tuple(name for group in KINDS.values() for name in group)
    if kind not in KINDS:
        raise ValueError(f"no kind of data is called {kind!r}; known: {', '.join(KINDS)}")
    return KINDS[kind]


def kind_of(name: str) -> str:
    """ "toy", "real" or "images"; ValueError lists the known names."""
    for kind, group in KINDS.items():
        if name in group:
            return kind
    raise ValueError(f"no data set is called {name!r}{nearest(name, names())}; known: {', '.join(names())}")


def load(name: str, **options: Any) -> Dataset:
    """A data set by name. Toy sets take n and seed, images take split, labels, n and seed."""
    kind = kind_of(name)
    for option in options:
        if option not in _OPTIONS[kind]:
            known = ", ".join(_OPTIONS[kind]) or "none"
            raise ValueError(f"data set {name!r} has no option {option!r}; known: {known}")
    if kind == "toy":
        return toy.make(name, **options)
    return real.make(name) if kind == "real" else bundled.images(name, **options)
