"""Self-contained figures for a notebook: a title, sentences and a fixed size, which the page otherwise provides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from layouts.figures.image import BLANK, MOST_EXACT
from layouts.figures.text import lines
from layouts.theme import LIGHT, Theme, base_layout

WIDTH = 900
_MAX_TITLE = 65  # characters
_CAP, _LINE, _EDGE = 12, 21, 16  # pixels: height of a capital, height of a line, margin
_TITLE_CHARACTERS, _LINE_CHARACTERS = 70, 140  # per line; Plotly's buttons take the rest of the title's line
_SHARED = ("scene", "hovermode", "bargap", "legend")  # what only one of the figures can have
_CAPTION, _GAP = 22, 96  # pixels: height of a caption; gap between two figures, with the upper one's token labels


class FigureOfResults(go.Figure):  # type: ignore[misc]  # Plotly is untyped
    """A figure with the results that it was drawn from, as `results`: dataclasses of numpy arrays, by name."""

    def __init__(self, *, data: Any, layout: Any, results: Mapping[str, Any]) -> None:
        super().__init__(data=data, layout=layout)
        self._results = dict(results)

    @property
    def results(self) -> dict[str, Any]:
        """The results, by the names that they have in a panel's export."""
        return self._results

    def __reduce__(self) -> tuple[Any, ...]:
        return go.Figure, (self.to_dict(),)


def standalone(
    figures: Sequence[go.Figure],
    heights: Sequence[int],
    *,
    title: str,
    sentences: Sequence[str],
    results: Mapping[str, Any],
    theme: Theme = LIGHT,
) -> FigureOfResults:
    """Stack figures into one, `heights` in pixels, under a title and sentences in plain text.

    results: what the figures are drawn from, by name.

    Each figure has one x axis, and one y axis or two, one above the other; a single figure may also be a 3D scene. The
    figures' own titles become captions. Unlike on the page, the axes can be zoomed.
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
        own = figure.layout.to_plotly_json()
        numbers = {"y": number}
        if "yaxis2" in own:
            numbers["y2"] = str(len(figures) + n + 1)
        placed = [_placed_trace(trace, numbers, domain) for trace in figure.data]
        if "legend" in layout:  # that of a figure above, in which no name need be twice
            named = {trace.get("name") for trace in data}
            placed = [trace | {"showlegend": False} if trace.get("name") in named else trace for trace in placed]
        elif "legend" in own:
            own["legend"]["y"] = _within(domain, own["legend"].get("y", 1))
        data += placed
        layout["shapes"] += [_placed_shape(shape, numbers, domain) for shape in own.get("shapes", ())]
        if "xaxis" in own:
            lowest = list(numbers.values())[-1]
            layout[f"xaxis{number}"] = own["xaxis"] | {"anchor": f"y{lowest}", "fixedrange": False}
            for axis, own_axis in zip(numbers.values(), (own["yaxis"], own.get("yaxis2")), strict=False):
                part = [_within(domain, share) for share in own_axis.get("domain", (0, 1))]
                layout[f"yaxis{axis}"] = own_axis | {"anchor": f"x{number}", "fixedrange": False, "domain": part}
        if "title" in own:
            layout["annotations"].append(_caption(own["title"], number))
        layout |= {name: own[name] for name in _SHARED if name in own and name not in layout}
        layout["showlegend"] |= own.get("showlegend", False)
    return FigureOfResults(data=data, layout=layout, results=results)


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


def _within(domain: tuple[float, float], share: float) -> float:
    """A share of a figure's height as a share of the whole plot's."""
    low, high = domain
    return low + share * (high - low)


def _placed_trace(trace: Any, numbers: dict[str, str], domain: tuple[float, float]) -> dict[str, Any]:
    """numbers: of the figure's y axes, the first of which is its x axis' as well. domain: the lower and the upper end
    of the figure, as shares of the plot's height.
    """
    placed: dict[str, Any] = trace.to_plotly_json()
    if placed["type"] in ("bar", "heatmap", "scatter"):
        placed |= {"xaxis": f"x{numbers['y']}", "yaxis": f"y{numbers[placed.get('yaxis', 'y')]}"}
    if placed["type"] == "heatmap":
        meta = placed.get("meta", {})
        if "per_block" in meta:
            _name_boxes(placed)
        elif "words" in meta and "values" not in meta:
            _name_cells(placed)
        elif "words" in meta and len(meta["y"]) <= MOST_EXACT:
            _name_levels(placed)
        low, high = domain
        if "colorbar" in placed:
            placed["colorbar"] |= {"y": (low + high) / 2, "len": high - low}
    return placed


def _name_cells(heat: dict[str, Any]) -> None:
    """Give each cell the name of its row and column, which on the page a script shows."""
    rows, columns = ([escape(name, quote=False) for name in heat["meta"][axis]] for axis in "yx")
    heat["text"] = [[f"{row} → {column}" for column in columns] for row in rows]
    heat["hovertemplate"] = f"%{{text}}<br>{heat['hovertemplate']}"


def _name_levels(heat: dict[str, Any]) -> None:
    """Give each cell of a small image its name and number, which the page looks up from its level."""
    meta, cells = heat["meta"], np.asarray(heat["z"])
    rows, columns = ([escape(name, quote=False) for name in meta[axis]] for axis in "yx")
    heat["text"] = [
        [
            meta["words"].format(y=row, x=column, value=meta["values"][level])
            for column, level in zip(columns, levels, strict=True)
        ]
        for row, levels in zip(rows, cells.tolist(), strict=True)
    ]
    heat["z"] = np.where(cells == BLANK, np.nan, cells).astype(np.float32)
    heat |= {"hovertemplate": "%{text}<extra></extra>", "hoverongaps": False}


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


def _placed_shape(shape: dict[str, Any], numbers: dict[str, str], domain: tuple[float, float]) -> dict[str, Any]:
    """A shape as high as the figure is, over both its y axes, or one in the coordinates of its upper y axis."""
    number = numbers["y"]
    placed = shape | {"xref": f"x{number}{' domain' if shape.get('xref') == 'paper' else ''}", "yref": f"y{number}"}
    if shape.get("yref") != "paper":
        return placed
    if len(numbers) == 1:
        return placed | {"yref": f"y{number} domain"}
    return placed | {"yref": "paper", **{end: _within(domain, shape[end]) for end in ("y0", "y1")}}


def _caption(title: dict[str, Any], number: str) -> dict[str, Any]:
    anchor = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": f"y{number} domain", "yanchor": "bottom"}
    return {"text": title["text"], "font": title["font"], "showarrow": False, "yshift": 3, **anchor}
