"""Placeholder of a panel while the weights that it needs are not in memory: a message instead of an earlier plot."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from typing import Any

from dash import Output

from layouts.figures.empty import empty_figure
from layouts.models import download_button
from layouts.theme import LIGHT, THEMES

_WIDTH = 34  # characters of a line, for the narrowest panel
_BLANK = {"children": "", "hidden": True, "data": None}  # by the property that is written


def values_without_weights(
    outputs: Mapping[str, Output], message: str, *, heading: str, theme: str, downloadable: bool
) -> dict[str, Any]:
    """A value for each output of a panel, by name. The message is the reading, and is also shown in the first figure.

    `data-*` properties, which describe what the page shows, become empty, since later drawings would build on them.
    heading: the panel's title without a selection. downloadable: whether to offer the download.
    """
    look = THEMES.get(theme, LIGHT)
    lines = "<br>".join(map(html.escape, textwrap.wrap(message, _WIDTH)))
    figures = iter([empty_figure(lines, theme=look)])
    values: dict[str, Any] = {}
    for name, output in outputs.items():
        if output.component_property == "figure":
            values[name] = next(figures, empty_figure("", theme=look))
        elif output.component_property in _BLANK:
            values[name] = _BLANK[output.component_property]
        elif output.component_property.startswith("data-"):
            values[name] = ""
    reading = [message, " ", download_button()] if downloadable else message
    return values | {"title": heading, "reading": reading}
