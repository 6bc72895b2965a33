"""Continuation: the model writes on after a text, token by token, with its key-value cache."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.errors import SelectionError
from analysis.generation.sampling import Sampling, next_token
from analysis.machine.threads import one_torch_thread
from analysis.models.forward import longest_text
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unreadable
from analysis.task import Arrays, Progress, Task
from analysis.tokens import Piece, Token
from analysis.trace import Trace

MOST_TOKENS = 200  # that one continuation writes
_VERSION = 1  # raised when the computation changes, so that arrays of older code are not read
_FEW_PARAMETERS = 2 * 10**8  # below which a second thread costs more than it gains, ten times as much on a busy machine
_READ_IN_A_PASS = 8  # tokens of the text are read in about the time in which one is written
End = Literal["", "planned", "end token", "limit"]


@dataclass(frozen=True, eq=False)
class ContinuationResult:
    """The tokens that a model has written after a text.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text that was continued.
    written : tuple of Piece
        The tokens that were written, in their order; fewer than planned while the task runs.
    probabilities, drawn_with : float64, (n_written,)
        The probability of each, 0 to 1, given all tokens before it: over the whole vocabulary at temperature 1, and
        in the distribution that it was drawn from.
    ranks : int64, (n_written,)
        The rank of each in the vocabulary by probability, from 1; equals share the best rank.
    sampling : Sampling
        How the tokens were chosen.
    end : "planned", "end token", "limit" or ""
        Why there are no more: as many as planned were written, the last one is an end-of-text token, or the text is as
        long as can be read. Empty while the task runs, and after it was cancelled.
    """

    tokens: tuple[Token, ...]
    written: tuple[Piece, ...]
    probabilities: NDArray[np.float64]
    drawn_with: NDArray[np.float64]
    ranks: NDArray[np.int64]
    sampling: Sampling
    end: End


def compute_continuation(
    model: LanguageModel,
    trace: Trace,
    *,
    n_tokens: int = 20,
    sampling: Sampling = Sampling(),  # noqa: B008  # frozen
    max_tokens: int | None = None,
) -> ContinuationResult:
    """What the model writes on after a text, computed now; see `plan_continuation`."""
    task = plan_continuation(model, trace, n_tokens=n_tokens, sampling=sampling, max_tokens=max_tokens)
    result: ContinuationResult = task.run_now()
    return result


def plan_continuation(
    model: LanguageModel,
    trace: Trace,
    *,
    n_tokens: int,
    sampling: Sampling,
    max_tokens: int | None = None,
) -> Task:
    """What the model writes on after a text, as a task whose result is a ContinuationResult.

    One forward pass for the text, and one for each token: keys and values of earlier tokens are cached. It reports all
    tokens so far after each one. It stops after `n_tokens`, after an end-of-text token of the model, as transformers'
    `generate` does, and at the longest text that the model, or with `max_tokens` the server, reads.

    Raises: SelectionError for a number of tokens or settings that are out of range, for a text that has no room for a
    token more, and from the task, where logits are not finite.
    """
    if isinstance(n_tokens, bool) or not isinstance(n_tokens, int) or not 1 <= n_tokens <= MOST_TOKENS:
        shown = str(n_tokens)[:20]
        raise SelectionError(f"{shown} tokens cannot be written at once. Choose a number from 1 to {MOST_TOKENS}.")
    sampling.checked()
    room = longest_text(model, max_tokens) - trace.n_positions
    if room <= 0:
        raise SelectionError(full_text(trace.n_positions))
    n_planned, ends = min(n_tokens, room), end_ids(model)

    def compute(report: Progress) -> Arrays:
        writer = _Writer(model, trace, sampling)
        token_id = writer.write()  # reads the text, which takes longest
        with one_torch_thread() if model.info.n_parameters < _FEW_PARAMETERS else nullcontext():
            for n_written in range(1, n_planned + 1):
                report(n_written / n_planned, writer.arrays())
                if token_id in ends or n_written == n_planned:
                    break
                token_id = writer.write()
        return writer.arrays()

    def result(arrays: Arrays) -> ContinuationResult:
        ids = arrays["ids"].tolist()
        end: End = ""
        if ids and ids[-1] in ends:
            end = "end token"
        elif len(ids) == n_planned:
            end = "planned" if n_planned == n_tokens else "limit"
        return ContinuationResult(
            tokens=trace.tokens,
            written=tuple(map(model.vocabulary.piece, ids)),
            probabilities=arrays["probabilities"],
            drawn_with=arrays["drawn_with"],
            ranks=arrays["ranks"],
            sampling=sampling,
            end=end,
        )

    return Task(
        trace,
        name=f"continuation {n_planned} {sampling.temperature} {sampling.top_k} {sampling.top_p} {sampling.seed}",
        version=_VERSION,
        kind="continuation",
        work=_work(trace, n_planned),
        compute=compute,
        result=result,
    )


def full_text(n_positions: int) -> str:
    """Why nothing can be written after a text that is as long as can be read."""
    return f"The text has {n_positions:,} tokens, the most that are read here, so nothing can be written after it."


def end_ids(model: LanguageModel) -> frozenset[int]:
    """The ids of the model's end-of-text tokens, after which `generate` stops."""
    network: Any = model.network
    ids = network.generation_config.eos_token_id
    return frozenset() if ids is None else frozenset([ids] if isinstance(ids, int) else ids)


def _work(trace: Trace, n_written: int) -> float:
    """The work of a continuation, in forward passes of one token."""
    return n_written + trace.n_positions / _READ_IN_A_PASS


class _Writer:
    """Writes one token after the other."""

    def __init__(self, model: LanguageModel, trace: Trace, sampling: Sampling) -> None:
        self._network: Any = model.network
        self._trace, self._sampling = trace, sampling
        self._unread = trace.token_ids.tolist()  # ids that the network has not read yet
        self._cache: Any = None  # keys and values of those that it has
        self._ids: list[int] = []
        self._numbers: list[tuple[float, float, int]] = []

    def write(self) -> int:
        """The id of the next token."""
        with torch.inference_mode():
            output = self._network(
                input_ids=torch.tensor([self._unread]),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        self._cache = output.past_key_values
        logits = output.logits[0, -1].numpy()
        position = self._trace.n_positions + len(self._ids)
        if unreadable(logits):
            raise SelectionError(
                f"The logits after position {position - 1} are not finite, so there is no token to write there."
            )
        token_id, before, after = next_token(logits, self._sampling, step=position)
        rank = 1 + int(np.count_nonzero(logits > logits[token_id]))
        self._numbers.append((float(before[token_id]), float(after[token_id]), rank))
        self._ids.append(token_id)
        self._unread = [token_id]
        return token_id

    def arrays(self) -> Arrays:
        """All that was written, and the work that it took."""
        before, after, ranks = zip(*self._numbers, strict=True) if self._numbers else ((), (), ())
        return {
            "ids": np.array(self._ids, dtype=np.int64),
            "probabilities": np.array(before, dtype=np.float64),
            "drawn_with": np.array(after, dtype=np.float64),
            "ranks": np.array(ranks, dtype=np.int64),
            "work": np.array(_work(self._trace, len(self._ids))),
        }
