"""Trace size: computed from a text's length, to refuse a text whose trace does not fit."""

import shutil
from bisect import bisect_right
from functools import partial
from pathlib import Path

from analysis.errors import TextError
from analysis.machine.memory import free_bytes
from analysis.model_info import ModelInfo
from analysis.trace import keeps_logits

HALF_ABOVE = 256  # tokens; longer texts' attention and neurons are kept in half precision
_SINGLE, _HALF = 4, 2  # bytes per number
_SHARE = 0.75  # of the cache, for one trace: the rest is for the arrays that are derived from it
_COPIES = 4  # of one block's attention, that are in memory at once while it is computed
_MB = 10**6


def trace_bytes(info: ModelInfo, n_positions: int) -> int:
    """The size of a trace's file, without its header."""
    halved = info.n_blocks * (info.n_heads * n_positions + info.n_neurons)
    heads = info.n_heads * (info.d_head + 1)  # the output of each, and its norm
    whole = info.n_blocks * (info.d_model + heads + info.n_tiles) + info.d_model
    whole += info.n_vocab if keeps_logits(info, n_positions) else 0
    return n_positions * (_SINGLE * whole + (_HALF if n_positions > HALF_ABOVE else _SINGLE) * halved)


def pass_bytes(info: ModelInfo, n_positions: int) -> int:
    """The forward pass's peak memory in addition to the weights, fitted to measurements."""
    block = _COPIES * info.n_heads * n_positions + 3 * info.n_neurons
    logits = 2 * info.n_vocab if keeps_logits(info, n_positions) else 0
    return _SINGLE * n_positions * max(block, logits)


def refuse_too_long(info: ModelInfo, n_positions: int, directory: Path, max_bytes: int) -> None:
    """Refuse a long text whose trace does not fit. Short texts always pass: they can be computed without the cache.

    Parameters
    ----------
    directory
        The cache's folder.
    max_bytes
        The cache's limit.

    Raises: TextError with the largest number of tokens that fits.
    """
    if n_positions <= HALF_ABOVE:
        return
    share, memory = int(_SHARE * max_bytes), free_bytes()
    disk = shutil.disk_usage(directory).free
    for needed, available, limit in (
        (trace_bytes, share, "caches at most {} MB per text, three quarters of CACHE_MB"),
        (trace_bytes, disk, "has {} MB of disk space free"),
        (pass_bytes, memory, "has {} MB of memory free"),
    ):
        need = needed(info, n_positions)
        if need > available:
            possible = max(HALF_ABOVE, bisect_right(range(n_positions), available, key=partial(needed, info)) - 1)
            raise TextError(
                f"The text has {n_positions:,} tokens. With this model they need {need / _MB:,.0f} MB; this server "
                f"{limit.format(f'{available / _MB:,.0f}')}. Shorten the text to {possible:,} tokens, by "
                f"{n_positions - possible:,}."
            )
