"""Lazily validated Plotly figures: cheap to write as JSON for the page, full figures for a notebook.

Plotly validates and copies every property that a figure is given. For the page, which only needs the JSON, this was
half of a click's server time. A test compares the JSON with Plotly's own.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

_PLAIN = {str, int, float, bool}  # most of a figure's values, which are written as they are


class Drawing(go.Figure):  # type: ignore[misc]  # Plotly is untyped
    """A figure that Plotly validates on the first access to one of its attributes, not when it is created."""

    def __init__(self, data: Sequence[dict[str, Any]], layout: dict[str, Any]) -> None:
        self._given = {"data": data, "layout": layout}

    def __getattr__(self, name: str) -> Any:
        """Build the full figure; Python calls this only for attributes that do not exist yet."""
        given = self.__dict__.pop("_given", None)
        if given is None:
            raise AttributeError(name)
        super().__init__(**given)
        return getattr(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return go.Figure, (self.to_dict(),)

    def to_plotly_json(self) -> dict[str, Any]:
        """The figure as JSON-like data, for the browser."""
        given = self.__dict__.get("_given")
        sent: dict[str, Any] = super().to_plotly_json() if given is None else written(given)
        return sent


def written(value: Any) -> Any:
    """Traces, a layout or parts of them as they are sent: without what is not set, and with arrays in base64, as
    plotly.js reads them fastest.
    """
    kind = type(value)
    if kind is dict:
        return {
            name: part if type(part) in _PLAIN else written(part) for name, part in value.items() if part is not None
        }
    if kind is list and value and type(value[0]) is dict:
        return [written(part) for part in value]
    if kind is np.ndarray and value.size:
        numbers = {"dtype": value.dtype.str[1:], "bdata": b64encode(value.tobytes()).decode()}
        return numbers if value.ndim == 1 else numbers | {"shape": ", ".join(map(str, value.shape))}
    return value
