"""Head scores: how much of a head's attention follows a known pattern, on a text or on a standard probe.

What a head finds in a text depends on the text. The probe, random tokens repeated once, makes all heads comparable.

Sources: Elhage et al. 2021, "A mathematical framework for transformer circuits" (previous token, induction); Olsson et
al. 2022, "In-context learning and induction heads" (random tokens repeated once).
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from analysis.attention import attention_entropy
from analysis.models.forward import capture
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Derived, derive_now
from analysis.tokens import Token
from analysis.trace import Float, Prompt, Trace

ScoreName = Literal["previous", "duplicate", "induction", "first", "self", "entropy"]
AnyScore = Literal[ScoreName, "copying"]  # which `analysis.causes.copying` computes
SCORES: tuple[ScoreName, ...] = get_args(ScoreName)
MOST_DRAWN = 50  # tokens of the probe, which are then repeated
_SEED = 0
_VERSION = 1  # raised when the computation changes
_PROBES: WeakKeyDictionary[LanguageModel, tuple[Token, ...]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Pattern:
    """Cells of an attention matrix, (query, key).

    Attributes
    ----------
    cells
        (n_cells,), the numbers of the cells in the flattened matrix.
    n_queries
        The number of rows with at least one of them.
    """

    cells: NDArray[np.int64]
    n_queries: int


def compute_head_scores(trace: Trace, *, derived: Derived = derive_now) -> dict[ScoreName, Float]:
    """The scores of all heads on a text, (n_blocks, n_heads) each, as `attention_scores` defines them.

    `derived` keeps the arrays, for which all attention is read.
    """

    def compute() -> Arrays:
        patterns = attention_patterns(trace.token_ids)
        scores = np.empty((len(SCORES), trace.info.n_blocks, trace.info.n_heads), dtype=np.float32)
        for block in range(trace.info.n_blocks):
            for head in range(trace.info.n_heads):  # one at a time: those of a long text take much memory
                one = attention_scores(trace.attention(block, at=head), patterns)
                scores[:, block, head] = list(one.values())
        return {"scores": scores}

    table = derived("head scores", compute, version=_VERSION)["scores"]
    return dict(zip(SCORES, table, strict=True))


def attention_patterns(token_ids: NDArray[np.int64]) -> dict[ScoreName, Pattern]:
    """The cells that each score sums over. Position 0 is no query: it can attend to nothing but itself.

    - "previous": the token before the query.
    - "duplicate": earlier positions with the query's own token.
    - "induction": positions after these, before the query.
    - "first", "self": position 0, and the query itself.
    """
    n_positions = len(token_ids)
    query, key = np.ogrid[:n_positions, :n_positions]
    earlier, same = key < query, token_ids[:, None] == token_ids[None]
    after_same = np.zeros_like(same)
    after_same[:, 1:] = same[:, :-1]
    cells: dict[ScoreName, NDArray[np.bool_]] = {
        "previous": key == query - 1,
        "duplicate": same & earlier,
        "induction": after_same & earlier,
        "first": (key == 0) & (query > 0),
        "self": (key == query) & (query > 0),
    }
    return {name: Pattern(np.flatnonzero(mask), int(mask.any(axis=1).sum())) for name, mask in cells.items()}


def attention_scores(attention: Float, patterns: dict[ScoreName, Pattern]) -> dict[ScoreName, float]:
    """The scores of one head from its attention, (query, key), in the order of `SCORES`.

    Each is the mean, over the queries that have the pattern, of the attention that they give to it in total: from 0 to
    1, and NaN in texts without the pattern. "entropy" is that of the attention, in bits, also as a mean over queries.
    """
    flat = attention.ravel()
    scores: dict[ScoreName, float] = {
        name: float(flat[pattern.cells].sum(dtype=np.float64)) / pattern.n_queries if pattern.n_queries else np.nan
        for name, pattern in patterns.items()
    }
    rows = attention_entropy(attention[1:])
    return {**scores, "entropy": float(rows.mean(dtype=np.float64)) if len(rows) else np.nan}


def probe_trace(model: LanguageModel) -> Trace:
    """The probe: different random tokens, repeated once, after the model's start token if it has one.

    The same for each model, at most 50 tokens and their repetition. Of this trace only the attention can be read; the
    network is run when it is first read.
    """
    tokens = _PROBES.get(model)
    if tokens is None:  # each click on a head asks for it
        tokens = _PROBES[model] = _probe_tokens(model)

    @cache
    def attention() -> dict[str, Tensor]:
        recorder = _AttentionOnly()
        capture(model, tokens, recorder)
        return recorder.arrays

    # No text is empty, so this prompt is no visitor's.
    return Trace(Prompt(model.name, ""), tokens, model.info, lambda name: attention()[name].numpy())


def _probe_tokens(model: LanguageModel) -> tuple[Token, ...]:
    special = {token_id for token_id, token in model.tokenizer.added_tokens_decoder.items() if token.special}
    usual = [n for n in range(min(model.n_readable, len(model.vocabulary))) if n not in special]
    start = [] if model.start_id is None else [model.start_id]
    n_drawn = min(MOST_DRAWN, len(usual), (model.info.max_positions - len(start)) // 2)
    drawn = np.random.default_rng(_SEED).choice(usual, n_drawn, replace=False).tolist()
    ids = [*start, *drawn, *drawn]
    return tuple(Token(n, model.vocabulary.piece(n).label, position, position) for position, n in enumerate(ids))


class _AttentionOnly:
    """A recorder that keeps the attention."""

    def __init__(self) -> None:
        self.arrays: dict[str, Tensor] = {}

    def __setitem__(self, name: str, array: Tensor) -> None:
        if name.startswith("attention."):
            self.arrays[name] = array
