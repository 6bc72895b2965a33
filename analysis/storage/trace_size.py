"""How much room the trace of a long text takes, and the refusal of one for which there is not enough."""

import shutil
from bisect import bisect_right
from functools import partial
from pathlib import Path

from analysis.errors import TextError
from analysis.machine.memory import free_bytes
from analysis.model_info import ModelInfo

HALF_ABOVE = 256  # tokens; longer texts' attention and neurons are kept in half precision
_SINGLE, _HALF = 4, 2  # bytes of a number
_SHARE = 0.75  # of the cache, for one trace: the rest is for what follows from it
_COPIES = 4  # of one block's attention, that are in memory at once while it is computed
_MB = 10**6


def trace_bytes(info: ModelInfo, n_positions: int) -> int:
    """The size of a trace's file, without its header."""
    halved = info.n_blocks * (info.n_heads * n_positions + info.n_neurons)
    heads = info.n_heads * (info.d_head + 1)  # the output of each, and its norm
    whole = info.n_blocks * (info.d_model + heads + info.n_tiles) + info.d_model + info.n_vocab
    return n_positions * (_SINGLE * whole + (_HALF if n_positions > HALF_ABOVE else _SINGLE) * halved)


def pass_bytes(info: ModelInfo, n_positions: int) -> int:
    """The memory that the forward pass takes at its peak besides the weights, about as it was measured."""
    block = _COPIES * info.n_heads * n_positions + 3 * info.n_neurons
    return _SINGLE * n_positions * max(block, 2 * info.n_vocab)


def refuse_too_long(info: ModelInfo, n_positions: int, directory: Path, max_bytes: int) -> None:
    """Shorter texts are always tried: what cannot be kept of them is computed again.

    directory: of the cache; max_bytes: its limit.
    Raises: TextError for a long text that does not fit, saying how long one may be.
    """
    if n_positions <= HALF_ABOVE:
        return
    kept, memory = int(_SHARE * max_bytes), free_bytes()
    free = shutil.disk_usage(directory).free // 2  # the file is copied into the cache
    for needed, room, limit in (
        (trace_bytes, kept, "keeps at most {} MB of one text, three quarters of CACHE_MB"),
        (trace_bytes, free, "has room for {} MB on its disk"),
        (pass_bytes, memory, "has {} MB of memory free"),
    ):
        need = needed(info, n_positions)
        if need > room:
            possible = max(HALF_ABOVE, bisect_right(range(n_positions), room, key=partial(needed, info)) - 1)
            raise TextError(
                f"The text has {n_positions:,} tokens. With this model they need {need / _MB:,.0f} MB; this server "
                f"{limit.format(f'{room / _MB:,.0f}')}. Shorten the text to {possible:,} tokens, by "
                f"{n_positions - possible:,}."
            )
