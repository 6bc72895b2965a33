"""What a panel shows that needs weights which are not in memory: what is missing, instead of an older picture.

The one place for all panels: a callback whose request ended with `NotLoaded` is answered here, from the properties that
it writes.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from dash import no_update

from layouts.figures.empty import empty_figure
from layouts.models import download_button
from layouts.theme import LIGHT, THEMES

_WIDTH = 34  # characters of a line, for the narrowest panel


def without_weights(
    message: str,
    outputs: Sequence[dict[str, str]],
    *,
    headings: Mapping[str, str],
    selection: Any,
    theme: Any,
    downloadable: bool,
) -> list[Any]:
    """A value for each property that a panel's callback writes; the message stands in its first figure.

    outputs: of `{"id", "property"}`. headings: by the ids of panels' titles. downloadable: whether to offer that.
    """
    look = THEMES.get(str(theme), LIGHT)
    lines = "<br>".join(map(html.escape, textwrap.wrap(message, _WIDTH)))
    figures = iter([empty_figure(lines, theme=look)])
    reading = [message, " ", download_button()] if downloadable else message

    def value(id: str, name: str) -> Any:
        if name == "figure":
            return next(figures, empty_figure("", theme=look))
        if name == "children":
            return headings.get(id, reading if id.endswith("-reading") else "")
        return {"data-selection": selection, "data-old": "", "hidden": True, "data": None}.get(name, no_update)

    return [value(output["id"], output["property"]) for output in outputs]
