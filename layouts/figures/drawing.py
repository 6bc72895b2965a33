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
        written: dict[str, Any] = super().to_plotly_json() if given is None else _written(given)
        return written


def _written(value: Any) -> Any:
    """Without what is not set, and with arrays as plotly.js reads them fastest."""
    if isinstance(value, dict):
        return {name: _written(part) for name, part in value.items() if part is not None}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_written(part) for part in value]
    if isinstance(value, np.ndarray) and value.size:
        numbers = {"dtype": value.dtype.str[1:], "bdata": b64encode(value.tobytes()).decode()}
        return numbers if value.ndim == 1 else numbers | {"shape": ", ".join(map(str, value.shape))}
    return value
