"""Effect: what the model predicts with some of its parts replaced, beside what it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.causes.intervention import Intervention, misfit, write_interventions
from analysis.causes.run import OtherText, run_with
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.numerics.divergence import divergences, log_softmax
from analysis.numerics.nonfinite import unexplainable, unreadable
from analysis.prediction import largest
from analysis.saliency import default_target
from analysis.selection import Part, Selection
from analysis.task import Arrays, Derived, derive_now
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_VERSION = 1  # raised when the computation changes, so that arrays of older code are not read
_N_TOP = 5


@dataclass(frozen=True)
class Outcome:
    """What is predicted after the position.

    Attributes
    ----------
    logit : float
        The target's logit, or its logit minus that of the token that is subtracted.
    probability : float
        The target's probability over the whole vocabulary, 0 to 1.
    top : tuple of (Piece, float)
        The tokens that are among the five most probable before or after, or asked for, highest first (of equal ones,
        the lower id), with their probabilities here.
    """

    logit: float
    probability: float
    top: tuple[tuple[Piece, float], ...]


@dataclass(frozen=True, eq=False)
class EffectResult:
    """The prediction before and after interventions.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text.
    position : int
        The position after which the prediction is read.
    target, against : Piece, Piece or None
        The token whose logit is read, and the token whose logit is subtracted.
    interventions : tuple of Intervention
        What is replaced; empty if nothing is.
    before, after : Outcome
        The prediction without and with the interventions.
    divergence : float
        KL(before ‖ after), the Kullback-Leibler divergence of the distributions over the vocabulary, in bits; 0 if both
        are the same.
    """

    tokens: tuple[Token, ...]
    position: int
    target: Piece
    against: Piece | None
    interventions: tuple[Intervention, ...]
    before: Outcome
    after: Outcome
    divergence: float

    @property
    def effect(self) -> float:
        """The target's logit, or difference of logits, after minus before."""
        return self.after.logit - self.before.logit


def compute_effect(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    interventions: Sequence[Intervention] = (),
    target: int | None = None,
    against: int | None = None,
    other: OtherText | None = None,
    shown: Sequence[int] = (),
    derived: Derived = derive_now,
) -> EffectResult:
    """The prediction after a position with some parts replaced, and as it is.

    The target is by default the most probable next token of the text as it is; the logit of `against` is subtracted.
    other: the text that values are patched from. shown: ids of further tokens whose probabilities are wanted. The
    streams come from `derived`, so that another position or target needs no pass through the network.
    Raises: SelectionError for a position, a token or a part that does not exist, and where logits are not finite.
    """
    for token_id in (target, against):
        Selection(Part.OUTPUT, position=position, target=token_id).checked(trace.info, trace.n_positions)
    if reason := unexplainable(model, trace, position) or misfit(interventions, trace.info, trace.n_positions):
        raise SelectionError(reason)

    def compute() -> Arrays:
        return {"stream": run_with(model, trace, interventions, other=other)}

    # Run again, the text as it is would give the same numbers to the last bit.
    streams = {"stream": trace.residual(trace.info.n_blocks)}
    source = "" if other is None else f" {other.digest()}"
    if interventions:
        streams = derived(f"effect {write_interventions(interventions)}{source}", compute, version=_VERSION)
    explained = default_target(model, trace, position) if target is None else target
    # Both by the same product, so that equal streams give equal logits.
    logits = [model.lens_logits(one[position]) for one in (trace.residual(trace.info.n_blocks), streams["stream"])]
    if unreadable(logits[1]):
        raise SelectionError(
            "Without these parts the logits are not finite. Take one back, or choose another replacement."
        )
    tokens = sorted({int(n) for row in logits for n in largest(row, _N_TOP)} | set(shown))
    outcome = partial(_outcome, model, tokens, explained, against)
    return EffectResult(
        trace.tokens,
        position,
        model.vocabulary.piece(explained),
        None if against is None else model.vocabulary.piece(against),
        tuple(interventions),
        outcome(logits[0]),
        outcome(logits[1]),
        float(divergences(*logits)),
    )


def _outcome(model: LanguageModel, shown: list[int], target: int, against: int | None, logits: Float) -> Outcome:
    shares = np.exp(log_softmax(logits))
    return Outcome(
        logit=float(logits[target]) - (0.0 if against is None else float(logits[against])),
        probability=float(shares[target]),
        top=tuple((model.vocabulary.piece(n), float(shares[n])) for n in sorted(shown, key=lambda n: -shares[n])),
    )
