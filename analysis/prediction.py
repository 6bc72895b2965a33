"""Next-token prediction: the model's output, or the logit lens inside the network."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unreadable
from analysis.selection import Part, Selection
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace


@dataclass(frozen=True)
class NextToken:
    """The token that follows in the text, as the model predicts it.

    Attributes
    ----------
    token : Token
        The token.
    probability : float
        Its predicted probability, 0 to 1.
    rank : int
        Its rank in the vocabulary by probability, from 1.
    surprisal : float
        −log₂ of its probability, in bits.
    """

    token: Token
    probability: float
    rank: int
    surprisal: float


@dataclass(frozen=True, eq=False)
class PredictionResult:
    """The predicted next token after one position.

    Attributes
    ----------
    tokens : tuple of Token
        The tokens of the text.
    part, block, position : Part, int or None, int
        Where the prediction is read.
    lens : bool
        Whether it is the logit lens; if not, it is the model's output.
    top : tuple of (Piece, float)
        The most probable tokens, highest first (of equal logits, the lower id), each with its probability, 0 to 1, over
        the whole vocabulary; as many as requested, at most the vocabulary. None, if the logits are not finite; then
        there is no entropy (NaN) and no `next` either.
    logits : float32 array (n_top,)
        Logits of the tokens in `top`.
    entropy : float
        Entropy of the whole distribution, in bits.
    next : NextToken or None
        The token that follows in the text; None after the last one.
    """

    tokens: tuple[Token, ...]
    part: Part
    block: int | None
    position: int
    lens: bool
    top: tuple[tuple[Piece, float], ...]
    logits: Float
    entropy: float
    next: NextToken | None


N_PREDICTIONS = 5


def compute_prediction(
    model: LanguageModel, trace: Trace, selection: Selection, position: int, *, k: int = N_PREDICTIONS
) -> PredictionResult:
    """The `k` most probable next tokens after a position, read at the selected part.

    Inside the network this is the logit lens: the final norm and the output head are applied to the residual stream
    after the selected block (for the embedding: as it enters block 0). At the final norm and at the output it is the
    model's real output.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    logits = read_logits(model, trace, selection, position)
    return prediction_of(model, trace, selection, position, logits=logits, k=k)


def read_logits(model: LanguageModel, trace: Trace, selection: Selection, position: int) -> Float:
    """(n_vocab,): the logits after a position, read at the selected part as `compute_prediction` says."""
    if not _is_lens(selection):
        return model.logits(trace, position)
    with torch.inference_mode():
        logits: Float = model.head(lens_input(model, trace, selection, position)).numpy()
    return logits


def lens_input(model: LanguageModel, trace: Trace, selection: Selection, position: int) -> Tensor:
    """(d_model,): the residual stream at a position after the selected part, through the final norm."""
    after = 0 if selection.block is None else selection.block + 1
    return model.final_norm(torch.from_numpy(trace.residual(after)[position]))


def prediction_of(
    model: LanguageModel, trace: Trace, selection: Selection, position: int, *, logits: Float, k: int
) -> PredictionResult:
    """The `k` most probable next tokens, given the logits from `read_logits`."""
    lens = _is_lens(selection)
    if unreadable(logits):
        return PredictionResult(
            trace.tokens, selection.part, selection.block, position, lens, (), logits[:0], float("nan"), None
        )
    highest = logits.max()
    shifted = logits.astype(np.float64) - highest
    exponentials = np.exp(shifted)
    total = exponentials.sum()
    log_total = float(np.log(total))
    top = largest(logits, k)
    return PredictionResult(
        tokens=trace.tokens,
        part=selection.part,
        block=selection.block,
        position=position,
        lens=lens,
        top=tuple((model.vocabulary.piece(n), float(exponentials[n] / total)) for n in top.tolist()),
        logits=logits[top],
        # H = log Z − Σ p·s, with s the logits and Z the sum of their exponentials; 0·log 0 = 0
        entropy=float((log_total - exponentials @ np.where(exponentials > 0, shifted, 0) / total) / np.log(2)),
        next=_next(trace, position, logits, log_total + float(highest)),
    )


def _is_lens(selection: Selection) -> bool:
    return selection.part not in (Part.NORM, Part.OUTPUT)


# The scene and the selection card show the same after a click, and most clicks stay at one position.
_LAST: WeakKeyDictionary[Trace, PredictionResult] = WeakKeyDictionary()


def final_prediction(model: LanguageModel, trace: Trace, position: int) -> PredictionResult:
    """The five most probable next tokens after a position, by the model's output."""
    found = _LAST.get(trace)
    if found is None or found.position != position:
        found = _LAST[trace] = compute_prediction(model, trace, Selection(Part.OUTPUT), position)
    return found


def largest(logits: Float, k: int) -> NDArray[np.int64]:
    """Ids of the k largest logits, which are numbers; of equal logits, the lower id comes first.

    Each is the maximum of what is left: for a few of a whole vocabulary, this is much faster than a partition.
    """
    left, ids = logits.copy(), np.empty(min(k, len(logits)), dtype=np.int64)
    for rank in range(len(ids)):
        ids[rank] = left.argmax()
        left[ids[rank]] = -np.inf
    if np.isneginf(logits[ids]).any():  # which what has been taken is equal to
        return np.argsort(-logits, kind="stable")[:k]
    return ids


def _next(trace: Trace, position: int, logits: Float, log_total: float) -> NextToken | None:
    """The token that follows. log_total: the logarithm of the sum of the exponentials of all logits."""
    if position + 1 >= trace.n_positions:
        return None
    token = trace.tokens[position + 1]
    log_probability = float(logits[token.id]) - log_total
    return NextToken(
        token=token,
        probability=float(np.exp(log_probability)),
        rank=1 + int(np.count_nonzero(logits > logits[token.id])),
        surprisal=-log_probability / float(np.log(2)),
    )
