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
        """The figure's parts, with arrays as they are."""
        given: dict[str, Any] | None = self.__dict__.get("_given")
        return super().to_plotly_json() if given is None else given


def as_json(value: Any) -> Any:
    """What JSON has no form for, as it is sent: arrays in base64, which plotly.js reads fastest, NumPy's numbers as
    Python's, and figures, components and patches as their parts.
    """
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray):
        return value.to_plotly_json()
    if not value.size:
        return value.tolist()
    numbers = {"dtype": value.dtype.str[1:], "bdata": b64encode(value.tobytes()).decode()}
    return numbers if value.ndim == 1 else numbers | {"shape": ", ".join(map(str, value.shape))}
