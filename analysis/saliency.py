"""Saliency: attributions of one logit to the tokens of the text."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import SelectionError, check_choice
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency_methods.baselines import DEFAULT_BASELINE, Baseline, check_baseline, embeddings
from analysis.saliency_methods.methods import USUAL_GRADIENTS, gradients, integrated, occlusion, work_of
from analysis.saliency_methods.segments import BUDGET, LEAST_BUDGET, PRECISION, TOLERANCE, Double
from analysis.selection import Part, Selection
from analysis.task import Arrays, Progress, Task
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_VERSION = 4  # raised when the computation changes, so that arrays of older code are not read
_MOST_DIGITS = 9  # of a token id
_DEPTH_BUDGET = 480  # gradients at the input of each block
DOUBTFUL = 0.05  # error bound, as a share of the change of the logit, above which attributions are not an answer

SaliencyMethod = Literal["integrated", "depth", "input_gradient", "gradient_norm", "occlusion"]


@dataclass(frozen=True, eq=False)
class SaliencyResult:
    """The attributions of one logit, or of the difference of two logits.

    Attributes
    ----------
    tokens : tuple of n_positions tokens
        The text.
    position : int
        The position after which the logit is explained, from 0.
    target : Piece
        The token whose logit is explained.
    against : Piece or None
        The token whose logit is subtracted; None if a single logit is explained.
    chosen : bool
        Whether the target was asked for; otherwise it is the most probable next token.
    method, baseline : str
        The method, and what a token is compared with.
    attributions : float32, (n_positions,)
        What each token contributes, in logits, of either sign; 0 after the position. With the gradient's norm: logits
        per unit of length, 0 or more.
    depth : float32, (n_blocks, n_positions), or None
        The attributions at the input of each block, in the same unit; NaN in rows that are not computed yet. None for
        the methods "integrated" and "occlusion".
    value : float
        The explained logit, or difference, of the text.
    base : float
        The same, with every embedding up to the position replaced by the baseline.
    gradients : int
        Gradients that the quadrature computed, in all rows; 0 for methods without a quadrature.
    smallest : float
        Length of the quadrature's shortest segment, as a share of the path; 1 for methods without a quadrature.
    certificates : float64, (n_rows,), or None
        For the exact methods: the sum of the absolute errors of all segments of a row's path, in logits, which the
        absolute error of the row's sum cannot exceed; NaN in rows that are not computed yet. One row, or with the
        method "depth" one for each block.
    path : float64, (2, n_points), or None
        For the exact methods: shares of the path from the baseline to the text, increasing from 0 to 1, and the
        explained logit there. Through depth, the path at the input of the first block.
    precision : "float32" or "bfloat16"
        The precision of the gradients.
    """

    tokens: tuple[Token, ...]
    position: int
    target: Piece
    against: Piece | None
    chosen: bool
    method: SaliencyMethod
    baseline: Baseline
    attributions: Float
    depth: Float | None
    value: float
    base: float
    gradients: int
    smallest: float
    certificates: Double | None
    path: Double | None
    precision: str

    @property
    def total(self) -> float:
        """Sum of the attributions."""
        return float(self.attributions.sum(dtype=np.float64))

    @property
    def delta(self) -> float:
        """The sum minus value - base, in logits; meaningful for the exact methods only."""
        return self.total - (self.value - self.base)

    @property
    def errors(self) -> Double:
        """For the exact methods: each row's certificate as a share of |value - base|, 0 or more; NaN where unknown."""
        assert self.certificates is not None
        change = abs(self.value - self.base)
        if change:
            return self.certificates / change
        return np.where(self.certificates > PRECISION * abs(self.value), np.inf, 0 * self.certificates)

    @property
    def error(self) -> float:
        """The certificate of the attributions as a share of |value - base|; 0 for methods that are not exact."""
        return float(self.errors[0]) if self.exact else 0.0

    @property
    def worst_error(self) -> float:
        """The largest of all rows' errors; 0 for methods that are not exact."""
        return float(np.nanmax(self.errors)) if self.exact else 0.0

    @property
    def exact(self) -> bool:
        """Whether the method's attributions sum to value - base in the limit of many steps."""
        return self.method in ("integrated", "depth")

    @property
    def has_sign(self) -> bool:
        """Whether attributions may be negative."""
        return self.method != "gradient_norm"

    @property
    def converged(self) -> bool:
        """Whether all rows are certified to 1 %; always true for methods that are not exact."""
        return self.worst_error <= TOLERANCE

    @property
    def doubtful(self) -> bool:
        """Whether the attributions are not certified to 5 %, so that they are no answer."""
        return self.error > DOUBTFUL

    @property
    def doubtful_rows(self) -> NDArray[np.int64]:
        """For the method "depth": the blocks at whose input the attributions are doubtful."""
        if self.method != "depth":
            return np.zeros(0, dtype=np.int64)
        rows: NDArray[np.int64] = np.flatnonzero(self.errors > DOUBTFUL)
        return rows


def compute_saliency(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    target: int | None = None,
    against: int | None = None,
    method: SaliencyMethod = "integrated",
    baseline: Baseline = DEFAULT_BASELINE,
    budget: int | None = None,
) -> SaliencyResult:
    """Attributions of the target's logit after a position to the tokens up to and including it, computed at once.

    The methods:

    - "integrated": integrated gradients on the straight path from the baseline to the token embeddings, which sum to
      the change of the logit. The path is cut into segments until the sum of their absolute errors is at most 1 % of
      that change, or `budget` gradients are computed.
    - "depth": integrated gradients at the input of every block, between its values for the baseline and for the text.
    - "input_gradient": gradient times embedding.
    - "gradient_norm": the L2 norm of the gradient.
    - "occlusion": the loss of the logit when one token's embedding is replaced by the baseline.

    The baseline is the mean of all embeddings ("mean"), the start token ("end"; the end-of-text token, where there is
    no other to begin a text with) or a zero vector ("zero"); positions are added to it as to any token. From zero, the
    path of some models is singular (`zero_is_singular`). The target is by default the most probable next token; the
    logit of `against` is subtracted. budget: by default 1,200 gradients, or 480 at the input of each block with the
    method "depth".

    Raises: SelectionError for a choice, a position or a token that does not exist, and where the logits are not finite.
    Source: Sundararajan et al. 2017, "Axiomatic attribution for deep networks" (integrated gradients); Zeiler and
    Fergus 2014, "Visualizing and understanding convolutional networks" (occlusion).
    """
    task = plan_saliency(
        model, trace, position, target=target, against=against, method=method, baseline=baseline, budget=budget
    )
    result: SaliencyResult = task.run_now()
    return result


def plan_saliency(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    target: int | None = None,
    against: int | None = None,
    method: SaliencyMethod = "integrated",
    baseline: Baseline = DEFAULT_BASELINE,
    budget: int | None = None,
) -> Task:
    """The computation of `compute_saliency` as a task, whose result is a SaliencyResult; partial arrays give one, too.

    Raises: SelectionError as `compute_saliency` does.
    """
    check_choice(method, SaliencyMethod, "the saliency method")
    check_choice(baseline, Baseline, "the baseline")
    for token_id in (target, against):
        Selection(Part.OUTPUT, position=position, target=token_id).checked(trace.info, trace.n_positions)
    most = budget if budget is not None else (_DEPTH_BUDGET if method == "depth" else BUDGET)
    if most < LEAST_BUDGET:
        raise SelectionError(f"A budget of {most} gradients was given. Choose at least {LEAST_BUDGET}.")
    check_baseline(model, baseline)
    if reason := unexplainable(model, trace, position):
        raise SelectionError(reason)
    explained = default_target(model, trace, position) if target is None else target

    def compute(report: Progress) -> Arrays:
        from analysis.saliency_methods.explained_logit import ExplainedLogit  # captum takes 25 MB: only in jobs

        def report_padded(share: float, partial: Arrays) -> None:
            report(share, _padded(partial, trace.n_positions))

        logit = ExplainedLogit(model, explained, against)
        text, empty = embeddings(model, trace, position, baseline)
        if method in ("integrated", "depth"):
            arrays = integrated(logit, text, empty, report_padded, budget=most, deep=method == "depth")
        elif method == "occlusion":
            arrays = occlusion(logit, text, empty, report_padded)
        else:
            arrays = gradients(logit, text, empty, times_input=method == "input_gradient")
        return _padded(arrays, trace.n_positions)

    def result(arrays: Arrays) -> SaliencyResult:
        return SaliencyResult(
            tokens=trace.tokens,
            position=position,
            target=model.vocabulary.piece(explained),
            against=None if against is None else model.vocabulary.piece(against),
            chosen=target is not None,
            method=method,
            baseline=baseline,
            attributions=arrays["attributions"],
            depth=arrays.get("depth"),
            value=float(arrays["value"]),
            base=float(arrays["base"]),
            gradients=int(arrays.get("gradients", 0)),
            smallest=float(arrays.get("smallest", 1)),
            certificates=arrays.get("certificates"),
            path=arrays.get("path"),
            precision="bfloat16" if arrays["bfloat16"] else "float32",
        )

    return Task(
        trace,
        name=f"saliency {method} {baseline} {position} {explained} {against} {most}",
        version=_VERSION,
        kind=f"saliency {method} {baseline}",
        work=saliency_work(position + 1, trace.info.n_blocks, method),
        most=saliency_work(position + 1, trace.info.n_blocks, method, gradients=most),
        compute=compute,
        result=result,
    )


def default_target(model: LanguageModel, trace: Trace, position: int) -> int:
    """The id of the most probable next token."""
    return int(model.logits(trace, position).argmax())


def read_token_id(text: object) -> int | None:
    """A token id that the page sends as text; None for an empty text.

    Raises: SelectionError for anything else.
    """
    if not text:
        return None
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise SelectionError("The token to subtract must be a number from the vocabulary. Choose one by searching.")
    return int(text)


def saliency_work(
    n_positions: int, n_blocks: int, method: SaliencyMethod, *, gradients: float = USUAL_GRADIENTS
) -> float:
    """The work up to a position, in token passes. gradients: of each integral, if the method is exact."""
    passes = {
        "integrated": float(gradients),
        "depth": gradients * (n_blocks + 1) / 2,  # at the input of a block, only that block and later ones are run
        "input_gradient": 1.0,
        "gradient_norm": 1.0,
        "occlusion": n_positions / 2,  # forward only
    }
    return work_of(n_positions, passes[method])


def _padded(arrays: Arrays, n_positions: int) -> Arrays:
    """The arrays with zeros for the tokens after the position, which attention cannot see from there."""
    missing = {name: n_positions - arrays[name].shape[-1] for name in ("attributions", "depth") if name in arrays}
    return arrays | {
        name: np.pad(arrays[name], [(0, 0)] * (arrays[name].ndim - 1) + [(0, width)]) for name, width in missing.items()
    }
