"""What figures are drawn with, as Plotly takes it: curves, marks, texts, bars, contours, heatmaps.

``axes`` is the pair of axes that a trace stands on, ``layer`` what switches it on and off; all else goes to Plotly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Trace = dict[str, Any]

HIDDEN = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": ""}  # an axis with nothing to read


def trace(kind: str, *, axes: int = 1, layer: str = "", pick: str = "", **more: Any) -> Trace:
    """Any kind; the marks of one with ``pick`` are asked about by pointing at them."""
    place = {"xaxis": f"x{axes}", "yaxis": f"y{axes}"} if axes > 1 else {}
    meta = {name: value for name, value in (("layer", layer), ("pick", pick)) if value}
    return {"type": kind, **place, **({"meta": meta} if meta else {}), **more}


def curve(colour: str, width: float = 2.5, dash: str = "", **more: Any) -> Trace:
    line = {"color": colour, "width": width} | ({"dash": dash} if dash else {})
    return trace("scatter", **{"mode": "lines", "line": line, **more})


def marks(**more: Any) -> Trace:
    return trace("scatter", mode="markers", **more)


def ring(colour: str) -> Trace:
    """Around the mark of the step that is shown."""
    return marks(marker={"size": 20, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": colour}})


def texts(text: Sequence[str], colour: str | Sequence[str] = "@text", size: int = 12, **more: Any) -> Trace:
    return trace("scatter", mode="text", text=text, textfont={"size": size, "color": colour}, **more)


def bars(colour: str | Sequence[str], **more: Any) -> Trace:
    return trace("bar", marker={"color": colour}, **more)


def bars_across(colour: str | Sequence[str], **more: Any) -> Trace:
    """One below another, each beside its name."""
    return bars(colour, orientation="h", **more)


def contours(**more: Any) -> Trace:
    return trace("contour", showscale=False, hoverinfo="skip", **more)


def density_lines(**more: Any) -> Trace:
    """Contours of a density, the higher the darker."""
    scale = [[0, "@density/25"], [1, "@density"]]
    return contours(line={"width": 1}, colorscale=scale, contours={"coloring": "lines"}, **more)


def heatmap(low: float, high: float, *colours: str, **more: Any) -> Trace:
    """Values from ``low`` to ``high`` by colours, equally far apart, without a scale beside it."""
    scale = [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]
    return trace("heatmap", zmin=low, zmax=high, colorscale=scale, showscale=False, hoverinfo="skip", **more)
