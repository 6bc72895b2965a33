"""A person's own numbers, one for each head or neuron, as the page's script has read them from a CSV file
(`assets/own_numbers_file.js`) and sends them to be drawn.

The script has checked the file, but anybody can write a request, so that everything is checked again here.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import SelectionError
from analysis.model_info import ModelInfo
from analysis.trace import Float

_NONE = "There are no numbers of your own in this tab. Choose a CSV file with them; until then, the colours are kinds."
NOT_IN_REPORT = "not in a report"  # in place of the numbers, which only a page has
_LEFT_OUT = "Your own numbers are not part of a report or a static copy. The colours are kinds of parts."
_DAMAGED = "Your own numbers are damaged. Read the file again."


@dataclass(frozen=True, eq=False)
class OwnNumbers:
    """Own numbers by head and by MLP tile.

    Attributes
    ----------
    kind : "head" or "neuron"
        What has the numbers.
    n_given, n_all : int
        The heads, or the neurons, of the model that have a number, and all.
    heads : float32 array (n_blocks, n_heads)
        The number of each head, NaN where there is none.
    tiles : float32 array (n_blocks, n_tiles) or None
        In each MLP tile, the number with the largest absolute value, NaN where there is none; None if heads have the
        numbers.
    neurons : int64 array (n_blocks, n_tiles) or None
        The neuron that has this number; -1 where there is none.
    """

    kind: Literal["head", "neuron"]
    n_given: int
    n_all: int
    heads: Float
    tiles: Float | None
    neurons: NDArray[np.int64] | None


def own_numbers_or_reason(data: Any, info: ModelInfo) -> OwnNumbers | str:
    """The numbers for a model of these sizes, or why there are none, in words.

    data: the page's store: None, or `kind`, `n_blocks`, `n_units` (heads or neurons of a block), `n_given`, and in
    base64 `values`, little-endian float32, and for neurons `neurons`, little-endian uint16: which neuron of its tile.
    Or `NOT_IN_REPORT`.
    Raises: SelectionError if the page's script cannot have written it.
    """
    if not data:
        return _NONE
    if data == NOT_IN_REPORT:
        return _LEFT_OUT
    if not isinstance(data, dict) or data.get("kind") not in ("head", "neuron"):
        raise SelectionError(_DAMAGED)
    kind, of_heads = data["kind"], data["kind"] == "head"
    sizes: list[Any] = [data.get(name) for name in ("n_blocks", "n_units", "n_given")]
    if not all(type(size) is int and 0 <= size < 10**9 for size in sizes):
        raise SelectionError(_DAMAGED)
    n_blocks, n_units, n_given = sizes
    here = info.n_heads if of_heads else info.n_neurons
    if (n_blocks, n_units) != (info.n_blocks, here):
        return (
            f"Your own numbers are for another model, of {n_blocks:,} × {n_units:,} {kind}s; this one has "
            f"{info.n_blocks:,} × {here:,}. Until you choose a file for it, the colours are kinds of parts."
        )
    if n_given > n_blocks * n_units:
        raise SelectionError(_DAMAGED)
    shape = (n_blocks, info.n_heads if of_heads else info.n_tiles)
    values = _array(data.get("values"), "<f4", shape).astype(np.float32)
    if np.isinf(values).any():
        raise SelectionError(_DAMAGED)
    if of_heads:
        return OwnNumbers(kind, int((~np.isnan(values)).sum()), n_blocks * n_units, values, None, None)
    within = _array(data.get("neurons"), "<u2", shape).astype(np.int64)
    neurons = within + np.arange(info.n_tiles) * info.tile_width
    is_given = ~np.isnan(values)
    is_wrong = is_given & ((within >= info.tile_width) | (neurons >= info.n_neurons))
    if is_wrong.any() or n_given < is_given.sum():
        raise SelectionError(_DAMAGED)
    heads = np.full((n_blocks, info.n_heads), np.nan, dtype=np.float32)
    return OwnNumbers(kind, n_given, n_blocks * n_units, heads, values, np.where(is_given, neurons, -1))


def _array(text: Any, dtype: str, shape: tuple[int, int]) -> NDArray[Any]:
    """The array that a text in base64 holds, which has exactly its bytes."""
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise SelectionError(_DAMAGED) from error
    if len(content) != np.dtype(dtype).itemsize * shape[0] * shape[1]:
        raise SelectionError(_DAMAGED)
    return np.frombuffer(content, dtype=dtype).reshape(shape)
