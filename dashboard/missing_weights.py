"""Placeholder of a panel while the weights that it needs are not in memory: a message instead of an earlier plot.

The message is short: the bar under the header says which weights are missing, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Output

from layouts.figures.empty import NO_WEIGHTS, empty_figure
from layouts.theme import LIGHT, THEMES

_BLANK = {"children": "", "hidden": True, "data": None}  # by the property that is written


def values_without_weights(outputs: Mapping[str, Output], *, heading: str, theme: str) -> dict[str, Any]:
    """A value for each output of a panel, by name; the first figure is the message.

    `data-*` properties, which describe what the page shows, become empty, since later drawings would build on them.
    heading: the panel's title without a selection.
    """
    look = THEMES.get(theme, LIGHT)
    figures = iter([empty_figure(NO_WEIGHTS, theme=look)])
    values: dict[str, Any] = {}
    for name, output in outputs.items():
        if output.component_property == "figure":
            values[name] = next(figures, empty_figure("", theme=look))
        elif output.component_property in _BLANK:
            values[name] = _BLANK[output.component_property]
        elif output.component_property.startswith("data-"):
            values[name] = ""
    return values | {"title": heading}
