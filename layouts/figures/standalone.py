"""Self-contained figures for a notebook: a title, sentences and a fixed size, which the page otherwise provides."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.text import lines
from layouts.theme import LIGHT, Theme, base_layout

WIDTH = 900
_MAX_TITLE = 65  # characters
_CAP, _LINE, _EDGE = 12, 21, 16  # pixels: height of a capital, height of a line, margin
_TITLE_CHARACTERS, _LINE_CHARACTERS = 70, 140  # per line; Plotly's buttons take the rest of the title's line
_SHARED = ("scene", "hovermode", "bargap", "legend")  # what only one of the figures can have
_CAPTION, _GAP = 22, 96  # pixels: height of a caption; gap between two figures, with the upper one's token labels


def standalone(
    figures: Sequence[go.Figure],
    heights: Sequence[int],
    *,
    title: str,
    sentences: Sequence[str],
    theme: Theme = LIGHT,
) -> go.Figure:
    """Stack figures into one, `heights` in pixels, under a title and sentences in plain text.

    Each figure has one pair of axes; a single figure may also be a 3D scene. The figures' own titles become captions.
    Unlike on the page, the axes can be zoomed.
    """
    heading, top = _heading(title, sentences, theme)
    top += _CAPTION if figures[0].layout.title.text or figures[0].layout.showlegend else 0
    inner = sum(heights) + _GAP * (len(heights) - 1)
    layout = base_layout(
        theme,
        title=heading,
        width=WIDTH,
        height=top + inner + _EDGE,
        margin={"l": _EDGE, "r": _EDGE, "t": top, "b": _EDGE},
        paper_bgcolor=theme.surface,  # a notebook may be dark
        shapes=[],
        annotations=[],
    )
    data: list[Any] = []
    ends = np.cumsum(np.add(heights, _GAP)) - _GAP  # from the top
    for n, (figure, height, end) in enumerate(zip(figures, heights, ends.tolist(), strict=True)):
        number = "" if n == 0 else str(n + 1)
        domain = (1 - end / inner, 1 - (end - height) / inner)
        data += [_placed_trace(trace, number, domain) for trace in figure.data]
        own = figure.layout.to_plotly_json()
        layout["shapes"] += [_placed_shape(shape, number) for shape in own.get("shapes", ())]
        if "xaxis" in own:
            layout[f"xaxis{number}"] = own["xaxis"] | {"anchor": f"y{number}", "fixedrange": False}
            layout[f"yaxis{number}"] = own["yaxis"] | {"anchor": f"x{number}", "fixedrange": False, "domain": domain}
        if "title" in own:
            layout["annotations"].append(_caption(own["title"], number))
        layout |= {name: own[name] for name in _SHARED if name in own and name not in layout}
        layout["showlegend"] |= own.get("showlegend", False)
    return go.Figure(data=data, layout=layout)


def titled(what: str, sentence: str) -> str:
    """A title with as much of the sentence as fits."""
    words, length = " ".join(sentence.split()), max(20, _MAX_TITLE - len(what))
    return f"{what} · “{words if len(words) <= length else f'{words[: length - 1]}…'}”"


def _heading(title: str, sentences: Sequence[str], theme: Theme) -> tuple[dict[str, Any], int]:
    """The title with the sentences below it, and their height in pixels."""
    titles = lines(title, most=_TITLE_CHARACTERS)
    small = [line for sentence in sentences for line in lines(sentence, most=_LINE_CHARACTERS)]
    below = "".join(f'<br><span style="font-size:12px;color:{theme.quiet}">{line}</span>' for line in small)
    heading = {
        "text": f"<b>{'<br>'.join(titles)}</b>{below}",
        "font": {"size": 16, "color": theme.text},
        **{"x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "bottom"},
        # Anchored at the first line's baseline: anchored at its top, Plotly moves the title on a redraw.
        "pad": {"b": -_EDGE - _CAP, "l": _EDGE},
    }
    return heading, 2 * _EDGE + _LINE * (len(titles) + len(small))


def _placed_trace(trace: Any, number: str, domain: tuple[float, float]) -> dict[str, Any]:
    """domain: the lower and the upper end of its y axis, as shares of the plot's height."""
    placed: dict[str, Any] = trace.to_plotly_json()
    if placed["type"] in ("bar", "heatmap", "scatter"):
        placed |= {"xaxis": f"x{number}", "yaxis": f"y{number}"}
    if placed["type"] == "heatmap":
        meta = placed.get("meta", {})
        if "per_block" in meta:
            _name_boxes(placed)
        elif "words" in meta and "values" not in meta:
            _name_cells(placed)
        low, high = domain
        if "colorbar" in placed:
            placed["colorbar"] |= {"y": (low + high) / 2, "len": high - low}
    return placed


def _name_cells(heat: dict[str, Any]) -> None:
    """Give each cell the name of its row and column, which on the page a script shows."""
    rows, columns = ([escape(name, quote=False) for name in heat["meta"][axis]] for axis in "yx")
    heat["text"] = [[f"{row} → {column}" for column in columns] for row in rows]
    heat["hovertemplate"] = f"%{{text}}<br>{heat['hovertemplate']}"


def _name_boxes(heat: dict[str, Any]) -> None:
    """Give each cell of an overview the name and the number that on the page a script shows."""
    meta = heat["meta"]

    def name(box: int) -> str:
        if box < 0:  # a gap between blocks
            return ""
        block, unit = divmod(box, meta["per_block"])
        value = meta["values"][box] if meta["values"] else ""
        return str(meta["words"].format(block=block, name=meta["names"][unit], value=value))

    heat["text"] = [list(map(name, row)) for row in np.asarray(heat["customdata"]).tolist()]
    heat["hovertemplate"] = "%{text}<extra></extra>"


def _placed_shape(shape: dict[str, Any], number: str) -> dict[str, Any]:
    yref = f"y{number} domain" if shape.get("yref") == "paper" else f"y{number}"
    return shape | {"xref": f"x{number}", "yref": yref}


def _caption(title: dict[str, Any], number: str) -> dict[str, Any]:
    anchor = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": f"y{number} domain", "yanchor": "bottom"}
    return {"text": title["text"], "font": title["font"], "showarrow": False, "yshift": 3, **anchor}
