"""Captions of drawn birds and flowers: their words as numbers, and what they tell of a drawing.

A drawing has fourteen attributes (`VALUES`), a caption tells some of them. `tokens` reads any sentence, unknown words
apart; `sentence` writes one as the pack's own are written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

LENGTH = 25  # words of a caption, 0 behind the last one
N_WORDS = 92
COLOURS = ("red", "blue", "yellow", "green", "brown", "white", "black", "orange", "pink", "purple", "grey")
BIRDS = ("bird", "duck", "owl", "heron")
FLOWERS = ("daisy", "flower", "tulip", "rose")
PLACES = MappingProxyType(
    {  # as captions of flowers say it
        "branch": "on a branch", "grass": "in the grass", "sky": "in the blue sky", "water": "in the water",
        "snow": "in the snow", "rock": "on a rock", "night": "at night under the moon", "sunset": "at sunset",
        "pot": "in a pot", "vase": "in a vase", "plain": "on a plain background",
    }
)  # fmt: skip
POSES = MappingProxyType(
    {  # what birds do there, and how captions say it
        "branch": {"perched": "sitting on a branch"},
        "grass": {"standing": "standing in the grass", "flying": "flying over the grass"},
        "sky": {"flying": "flying in the blue sky"},
        "water": {"swimming": "swimming in the water", "standing": "standing in the water"},
        "snow": {"standing": "standing in the snow", "perched": "sitting on a branch in the snow"},
        "rock": {"standing": "standing on a rock"},
        "night": {"perched": "sitting on a branch at night under the moon", "flying": "flying at night under the moon"},
        "sunset": {"perched": "sitting on a branch at sunset", "flying": "flying at sunset",
                   "swimming": "swimming in the water at sunset"},
        "plain": {"standing": "standing on a plain background", "perched": "sitting on a branch on a plain background"},
    }
)  # fmt: skip
ROOTED = tuple(place for place in PLACES if place not in ("branch", "water", "rock"))  # where flowers are
VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kind": BIRDS + FLOWERS,
        "body": COLOURS,  # of a flower: its petals
        "second": COLOURS,  # the belly; of a flower its centre
        "wing": COLOURS,
        "beak": COLOURS,
        "beak_shape": ("short", "long", "curved"),
        "crest": ("none", "crest"),  # of a flower: its leaves
        "tail": ("short", "long"),  # of a flower: its stem
        "pattern": ("plain", "spotted", "striped"),
        "size": ("small", "medium", "large"),
        "pose": ("perched", "standing", "flying", "swimming", "growing"),
        "facing": ("left", "right", "front"),
        "place": tuple(PLACES),
        "count": ("one", "two", "three"),
    }
)
FIELDS = tuple(VALUES)
TOLD = ("kind", "body", "second", "size", "place")  # by the first of a drawing's five captions
# What each of the five tells, of a bird and of a flower.
TELLS = (
    (
        ("kind", "body", "second", "pattern", "beak", "beak_shape", "size", "pose", "place"),
        ("kind", "body", "second", "pattern", "wing", "pose", "place"),
        ("kind", "body", "facing", "crest", "tail", "pose", "place"),
        ("kind", "body", "second", "pattern"),
        ("kind", "body", "wing", "beak", "beak_shape", "crest", "size", "facing"),
    ),
    (
        ("kind", "body", "second", "size", "count", "place"),
        ("kind", "body", "second", "place"),
        ("kind", "body", "crest", "tail", "count", "place"),
        ("kind", "body", "second", "count"),
        ("kind", "body", "second", "crest", "tail", "size"),
    ),
)


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """The words of all captions, in the order of their numbers; the first is the empty one."""
    from engines.data import zoo

    return tuple(zoo.load("birds").text("vocab"))


def split(sentence: str) -> list[str]:
    """The words of a sentence in small letters; a comma is a word."""
    return re.findall(r"[^\W_]+|,", sentence.lower())


def tokens(sentences: Sequence[str]) -> tuple[np.ndarray, list[list[str]]]:
    """Word numbers (N, 25) and of each sentence the words that no caption has, which are left out.

    ValueError where a sentence has more than 25 words or none that is known.
    """
    number = {word: i for i, word in enumerate(words()) if i}
    rows, unknown = np.zeros((len(sentences), LENGTH), dtype=np.uint8), []
    for row, sentence in zip(rows, sentences, strict=True):
        found = [number[word] for word in split(sentence) if word in number]
        if len(found) > LENGTH:
            raise ValueError(f"a caption has at most {LENGTH} words, this one has {len(found)}: shorten it")
        if not any(words()[i] not in (",", "a", "an", "the", "and", "is", "it") for i in found):
            raise ValueError("no word that says anything is known: name a bird or a flower, a colour, a place")
        row[: len(found)] = found
        unknown.append([word for word in split(sentence) if word not in number])
    return rows, unknown


def article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def sentence(of: Mapping[str, str]) -> str:
    """A caption of what is given, in the pack's words: {"kind": "owl", "body": "grey", ...}. ``kind`` and ``body`` must
    be there; ``size``, ``second``, ``place`` and a bird's ``pose`` and ``facing`` may. A pose that no bird has in that
    place gives way to one that it has there.
    """
    kind, bird = of["kind"], of["kind"] in BIRDS
    said = article(" ".join(word for word in (of.get("size", ""), of["body"], kind) if word))
    if second := of.get("second"):
        inside = f"{second} {'belly' if bird else {'tulip': 'tips inside', 'rose': 'heart'}.get(kind, 'centre')}"
        said += f" with {inside if kind == 'tulip' else article(inside)}"
    if (place := of.get("place")) and bird:
        poses = POSES[place]
        said += f"{',' if second else ''} {poses.get(of.get('pose', ''), next(iter(poses.values())))}"
    elif place:
        said += f" {PLACES[place]}"
    if bird and (facing := of.get("facing")):
        said += ", looking ahead" if facing == "front" else f", facing {facing}"
    return said


def recoloured(rows: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Captions (N, 25) whose first colour, that of the body or the petals, is exchanged for another."""
    names = words()
    colours = np.array([names.index(colour) for colour in COLOURS])
    changed = rows.copy()
    for row in changed:
        at = int(np.isin(row, colours).argmax())
        row[at] = draw.choice(colours[colours != row[at]])
    return changed


def chance(attributes: Any, field: str) -> float:
    """The share of a field's most frequent value."""
    column = np.asarray(attributes)[:, FIELDS.index(field)]
    return float(np.bincount(column).max() / len(column))


def nearest(word: str, n: int = 3) -> list[str]:
    """Known words of three letters or more that look like ``word``, the nearest first."""
    known = [one for one in words() if len(one) > 2 and one.isalpha()]
    return difflib.get_close_matches(word, known, n=n, cutoff=0.5)


def told(attributes: np.ndarray) -> np.ndarray:
    """What each of the five captions tells of drawings with these attributes (N, 14): (N, 5, 14) uint8, 0 where it does
    not tell, else the value's number plus 1.
    """
    tells = np.array([[[field in said for field in FIELDS] for said in five] for five in TELLS])
    flower = (attributes[:, 0] >= len(BIRDS)).astype(int)
    return (tells[flower] * (attributes[:, None].astype(np.uint8) + 1)).astype(np.uint8)
