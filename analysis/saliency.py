"""Saliency: attributions of one logit to the tokens of the text."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from analysis.choices import check_choice
from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unexplainable
from analysis.saliency_methods.methods import (
    MOST_STEPS,
    TOLERANCE,
    USUAL_STEPS,
    gradients,
    integrated,
    occlusion,
    work_of,
)
from analysis.selection import Part, Selection
from analysis.task import Arrays, Progress, Task
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_VERSION = 2  # raised when the computation changes, so that arrays of older code are not read
_CHUNK = 4096  # token ids that are embedded at once, so that a large table is not copied as a whole
_MOST_DIGITS = 9  # of a token id

SaliencyMethod = Literal["integrated", "depth", "input_gradient", "gradient_norm", "occlusion"]
Baseline = Literal["zero", "end", "mean"]


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
    steps : int
        Points of the quadrature, the most that any row needed; 0 for methods without a quadrature.
    depth_deltas : float32, (n_blocks,), or None
        For the method "depth": each row's sum minus (value - base), in logits; NaN in rows that are not computed yet.
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
    steps: int
    depth_deltas: Float | None
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
    def error(self) -> float:
        """|delta| as a share of |value - base|, 0 or more; the largest of all rows if there are several."""
        deltas = [self.delta, *(() if self.depth_deltas is None else self.depth_deltas)]
        worst = float(np.nanmax(np.abs(deltas)))
        if not worst:
            return 0.0
        return worst / abs(self.value - self.base) if self.value != self.base else np.inf

    @property
    def exact(self) -> bool:
        """Whether the method's attributions sum to value - base in the limit of many steps."""
        return self.method in ("integrated", "depth")

    @property
    def converged(self) -> bool:
        """Whether the sum is right to 1 %; always true for methods that are not exact."""
        return not self.exact or self.error <= TOLERANCE


def compute_saliency(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    target: int | None = None,
    against: int | None = None,
    method: SaliencyMethod = "integrated",
    baseline: Baseline = "zero",
    steps: int | None = None,
) -> SaliencyResult:
    """Attributions of the target's logit after a position to the tokens up to and including it, computed at once.

    The methods:

    - "integrated": integrated gradients on the straight path from the baseline to the token embeddings, which sum to
      the change of the logit. The number of quadrature points is doubled until the sum is right to 1 %, up to 256
      points, unless `steps` gives it.
    - "depth": integrated gradients at the input of every block, between its values for the baseline and for the text.
    - "input_gradient": gradient times embedding.
    - "gradient_norm": the L2 norm of the gradient.
    - "occlusion": the loss of the logit when one token's embedding is replaced by the baseline.

    The baseline is a zero vector ("zero"), the start token ("end"; the end-of-text token, where there is no other to
    begin a text with) or the mean of all embeddings ("mean");
    positions are added to it as to any token. The target is by default the most probable next token; the logit of
    `against` is subtracted.

    Raises: SelectionError for a choice, a position or a token that does not exist, and where the logits are not finite.
    Source: Sundararajan et al. 2017, "Axiomatic attribution for deep networks" (integrated gradients); Zeiler and
    Fergus 2014, "Visualizing and understanding convolutional networks" (occlusion).
    """
    task = plan_saliency(
        model, trace, position, target=target, against=against, method=method, baseline=baseline, steps=steps
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
    baseline: Baseline = "zero",
    steps: int | None = None,
) -> Task:
    """The computation of `compute_saliency` as a task, whose result is a SaliencyResult; partial arrays give one, too.

    Raises: SelectionError as `compute_saliency` does.
    """
    check_choice(method, SaliencyMethod, "the saliency method")
    check_choice(baseline, Baseline, "the baseline")
    for token_id in (target, against):
        Selection(Part.OUTPUT, position=position, target=token_id).checked(trace.info, trace.n_positions)
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise SelectionError(f"{steps} steps were asked for. Choose a number from 1 to {MOST_STEPS}.")
    if baseline == "end" and model.start_id is None:
        raise SelectionError("This model has no token that starts a text. Choose another baseline.")
    if reason := unexplainable(model, trace, position):
        raise SelectionError(reason)
    explained = default_target(trace, position) if target is None else target

    def compute(report: Progress) -> Arrays:
        from analysis.saliency_methods.explained_logit import ExplainedLogit  # captum takes 25 MB: only in jobs

        def report_padded(share: float, partial: Arrays) -> None:
            report(share, _padded(partial, trace.n_positions))

        logit = ExplainedLogit(model, explained, against)
        text, empty = _embeddings(model, trace, position, baseline)
        if method in ("integrated", "depth"):
            arrays = integrated(logit, text, empty, report_padded, steps=steps, deep=method == "depth")
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
            steps=int(arrays["steps"]),
            depth_deltas=arrays.get("depth_deltas"),
            precision="bfloat16" if arrays["bfloat16"] else "float32",
        )

    return Task(
        trace,
        name=f"saliency {method} {baseline} {position} {explained} {against} {steps}",
        version=_VERSION,
        kind=f"saliency {method} {baseline}",
        work=saliency_work(position + 1, trace.info.n_blocks, method),
        compute=compute,
        result=result,
    )


def default_target(trace: Trace, position: int) -> int:
    """The id of the most probable next token."""
    return int(trace.logits()[position].argmax())


def read_token_id(text: object) -> int | None:
    """A token id that the page sends as text; None for an empty text.

    Raises: SelectionError for anything else.
    """
    if not text:
        return None
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise SelectionError("The token to subtract must be a number from the vocabulary. Choose one by searching.")
    return int(text)


def saliency_work(n_positions: int, n_blocks: int, method: SaliencyMethod) -> float:
    """The expected work up to a position, in token passes."""
    passes = {
        "integrated": float(USUAL_STEPS),
        "depth": USUAL_STEPS * (n_blocks + 1) / 2,  # at the input of a block, only that block and later ones are run
        "input_gradient": 1.0,
        "gradient_norm": 1.0,
        "occlusion": n_positions / 2,  # forward only
    }
    return work_of(n_positions, passes[method])


def _embeddings(model: LanguageModel, trace: Trace, position: int, baseline: Baseline) -> tuple[Tensor, Tensor]:
    """The embeddings of the text up to the position, and of the baseline, (1, position + 1, d_model) each."""
    embed: nn.Module = model.network.get_input_embeddings()  # type: ignore[operator]
    text: Tensor = embed(torch.from_numpy(trace.token_ids[None, : position + 1]))
    if baseline == "zero":
        return text, torch.zeros_like(text)
    row = embed(torch.tensor(model.start_id)) if baseline == "end" else _mean_embedding(embed)
    return text, row.expand_as(text).clone()


def _mean_embedding(embed: nn.Module) -> Tensor:
    """The mean over the vocabulary of the embedding module's output; Gemma's scales the rows of its table."""
    table = next(embed.parameters())
    chunks = torch.arange(len(table)).split(_CHUNK)
    return torch.stack([embed(ids).sum(dim=0) for ids in chunks]).sum(dim=0) / len(table)


def _padded(arrays: Arrays, n_positions: int) -> Arrays:
    """The arrays with zeros for the tokens after the position, which attention cannot see from there."""
    missing = {name: n_positions - arrays[name].shape[-1] for name in ("attributions", "depth") if name in arrays}
    return arrays | {
        name: np.pad(arrays[name], [(0, 0)] * (arrays[name].ndim - 1) + [(0, width)]) for name, width in missing.items()
    }
