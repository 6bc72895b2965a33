"""Figures that Plotly looks through only when someone asks for their parts, as a notebook does.

Plotly checks and copies each property of a figure that it is given, which for a page, where the figure is only written
as JSON, was half of a click's time on the server. A test compares what is written with what Plotly would write.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

_PLAIN = {str, int, float, bool}  # most of a figure's values, which are written as they are


class Drawing(go.Figure):
    """A figure of the traces and the layout that it was given."""

    def __init__(self, data: Sequence[dict[str, Any]], layout: dict[str, Any]) -> None:
        self._given = {"data": data, "layout": layout}

    def __getattr__(self, name: str) -> Any:
        """For what is not there: at first that is all that Plotly makes of a figure."""
        given = self.__dict__.pop("_given", None)
        if given is None:
            raise AttributeError(name)
        super().__init__(**given)
        return getattr(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return go.Figure, (self.to_dict(),)

    def to_plotly_json(self) -> dict[str, Any]:
        """What is sent to a browser."""
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
