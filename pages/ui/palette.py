"""Colours by role, the same on every page: (on a light ground, on a dark ground).

The eight component colours are Okabe & Ito's colour-blind-safe set (2008), with yellow and black moved
where they would vanish on one of the two grounds. Colour never stands alone: components also have a
number and a marker shape.
"""

from __future__ import annotations

ROLES: dict[str, tuple[str, str]] = {
    "text": ("#14181f", "#f2f5f8"),
    "ground": ("#ffffff", "#0f1318"),
    "muted": ("#4a5462", "#b4bfcc"),
    "grid": ("#dde3ea", "#2b3440"),
    "real": ("#0058a3", "#5fb2ff"),
    "generated": ("#c64a00", "#ff9a57"),
    "first": ("#0058a3", "#5fb2ff"),
    "second": ("#c64a00", "#ff9a57"),
    "prior": ("#6b7280", "#a9b4c2"),
    "posterior": ("#8a2f8f", "#e29be6"),
    "bound": ("#8a2f8f", "#e29be6"),
    "density": ("#4a5462", "#b4bfcc"),
    "c0": ("#0072b2", "#56b4f0"),
    "c1": ("#d55e00", "#ff8a3d"),
    "c2": ("#008a63", "#2bd19f"),
    "c3": ("#b8438a", "#f08fc6"),
    "c4": ("#8a6d00", "#f0d442"),
    "c5": ("#3a3f9e", "#a3a8ff"),
    "c6": ("#7a3b12", "#d9a27a"),
    "c7": ("#3d4854", "#d5dde6"),
    "c8": ("#00838f", "#4dd0e1"),
    "c9": ("#b3261e", "#ff6b61"),
}
N_COMPONENT_COLOURS = 8


def label(k: int) -> str:
    """The role token of class ``k`` of ten; drawn as the digit itself, since ten colours are hard to tell apart."""
    return f"@c{k % 10}"


def component(k: int) -> str:
    """The role token of component ``k``; the colours repeat after eight, the numbers do not."""
    return f"@c{k % N_COMPONENT_COLOURS}"
