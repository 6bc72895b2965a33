"""The opening selection: the head that looks back most strongly in a text, for a page that no link opens."""

from dataclasses import dataclass

from analysis.tokens import Token
from analysis.trace import Trace


@dataclass(frozen=True)
class Opening:
    """A head, and the token that it attends to from the last position.

    Attributes
    ----------
    block, head
        The head.
    query, key
        The last token of the text, and the token that gets the head's largest weight among those that count.
    share
        That attention weight, 0 to 1.
    """

    block: int
    head: int
    query: Token
    key: Token
    share: float


def find_opening(trace: Trace) -> Opening | None:
    """The head with the largest attention weight from the last position to a token further back than the one before.

    The first token does not count: many heads rest on it when they find nothing else (Xiao et al. 2023, "Efficient
    streaming language models with attention sinks"). The token itself and the one before do not count either: heads
    that always attend there say nothing about this text. Of equal weights, the first block, head and token wins.

    Returns None for texts of fewer than 4 tokens, in which no token counts.
    """
    last = trace.n_positions - 1
    if last < 3:
        return None
    best: tuple[float, int, int, int] | None = None
    for block in range(trace.info.n_blocks):
        weights = trace.attention(block, at=(slice(None), last, slice(1, last - 1)))
        head, offset = divmod(int(weights.argmax()), last - 2)
        if best is None or weights[head, offset] > best[0]:
            best = float(weights[head, offset]), block, head, 1 + offset
    assert best  # a model has at least one block
    share, block, head, key = best
    return Opening(block, head, trace.tokens[last], trace.tokens[key], share)
