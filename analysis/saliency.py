"""Which tokens of the text made the model say what it says next: attributions of one logit."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from analysis.errors import SelectionError
from analysis.models.language_model import LanguageModel
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
from analysis.task import Arrays, Keep, Report, Task, compute_now
from analysis.tokens import Piece, Token
from analysis.trace import Float, Trace

_VERSION = 2  # to be raised when what is computed changes, so that older results are not shown
_CHUNK = 4096  # tokens at once, so that a large table is not copied as a whole
Method = Literal["integrated", "depth", "input_gradient", "gradient_norm", "occlusion"]
Baseline = Literal["zero", "end", "mean"]


@dataclass(frozen=True, eq=False)
class SaliencyResult:
    """How much each token adds to a logit.

    tokens: those of the text. position: whose next token is explained. target: the token whose logit is explained; if
    `against` is set, minus the logit of that one. chosen: whether the target was asked for; if not, it is the most
    probable next token. attributions: (n_positions,), signed, in logits; 0 after the position. With gradient_norm they
    are 0 or more, in logits per unit of length. depth: (n_blocks, n_positions), the same for what enters each block;
    NaN where not known yet; None for integrated and occlusion. value: the logit, or difference, of the text; base: of
    the text with every embedding up to the position replaced by the baseline. steps: points of the quadrature, the
    most that a row needed; 0 for methods without. depth_deltas: (n_blocks,) for depth only, each row's sum minus
    (value - base). precision: of the gradients, float32 or bfloat16.
    """

    tokens: tuple[Token, ...]
    position: int
    target: Piece
    against: Piece | None
    chosen: bool
    method: Method
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
        """The sum minus what it should be, in logits; says something for the exact methods only."""
        return self.total - (self.value - self.base)

    @property
    def error(self) -> float:
        """|delta| as a share of |value - base|, 0 or more; of the worst row where there are several."""
        deltas = [self.delta, *(() if self.depth_deltas is None else self.depth_deltas)]
        worst = float(np.nanmax(np.abs(deltas)))
        if not worst:
            return 0.0
        return worst / abs(self.value - self.base) if self.value != self.base else np.inf

    @property
    def exact(self) -> bool:
        """Whether the attributions are meant to sum to value - base."""
        return self.method in ("integrated", "depth")

    @property
    def converged(self) -> bool:
        """Whether they do, to 1 %."""
        return not self.exact or self.error <= TOLERANCE


def compute_saliency(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    target: int | None = None,
    against: int | None = None,
    method: Method = "integrated",
    baseline: Baseline = "zero",
    steps: int | None = None,
    keep: Keep = compute_now,
) -> SaliencyResult | None:
    """Attributions of the target's logit after a position to the tokens up to there.

    integrated: gradients on the straight path from the baseline to the token embeddings, which sum to the change of
    the logit (Sundararajan et al. 2017); the points of the quadrature are doubled until they do to 1 %, 256 at most,
    or are `steps`. depth: the same at the input of every block, between what the baseline and the text give there.
    input_gradient: gradient times embedding. gradient_norm: the gradient's L2 norm. occlusion: what the logit loses
    when one token's embedding is replaced by the baseline. baseline: zeros, the end-of-text token, or the mean of all
    embeddings; positions are added to it as to any other. keep: gets slow arrays by name, or has them computed; where
    it returns None, so does this. What is reported while they are computed has the form of the whole.
    Raises: SelectionError for a choice, a position or a token that does not exist.
    """
    _refuse_unknown(method, Method)
    _refuse_unknown(baseline, Baseline)
    for token_id in (target, against):
        Selection(Part.OUTPUT, position=position, target=token_id).checked(trace.info, trace.n_positions)
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise SelectionError(f"{steps} steps were asked for. Choose a number from 1 to {MOST_STEPS}.")
    explained = default_target(trace, position) if target is None else target
    if baseline == "end" and model.start_id is None:
        raise SelectionError("This model has no end-of-text token to start from. Choose another baseline.")

    def compute(report: Report) -> Arrays:
        from analysis.saliency_methods.explained_logit import Explained  # captum takes 25 MB, which only jobs need

        def tell(share: float, arrays: Arrays) -> None:
            report(share, _to_the_end(arrays, trace.n_positions))

        function = Explained(model, explained, against)
        text, empty = _texts(model, trace, position, baseline)
        if method in ("integrated", "depth"):
            arrays = integrated(function, text, empty, tell, steps=steps, deep=method == "depth")
        elif method == "occlusion":
            arrays = occlusion(function, text, empty, tell)
        else:
            arrays = gradients(function, text, empty, times_input=method == "input_gradient")
        return _to_the_end(arrays, trace.n_positions)

    arrays = keep(f"saliency {_VERSION} {method} {baseline} {position} {explained} {against} {steps}", compute)
    if arrays is None:
        return None
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


def default_target(trace: Trace, position: int) -> int:
    """The id of the most probable next token."""
    return int(trace.logits()[position].argmax())


def partial_saliency(
    model: LanguageModel, trace: Trace, position: int, *, arrays: Arrays, **choices: Any
) -> SaliencyResult:
    """The result that such arrays give, with the choices they were computed for; what was reported so far is enough.

    Raises: SelectionError as `compute_saliency` does.
    """
    result = compute_saliency(model, trace, position, **choices, keep=lambda _name, _compute: arrays)
    assert result is not None
    return result


def plan_saliency(
    model: LanguageModel,
    trace: Trace,
    position: int,
    *,
    target: int | None,
    method: Any,
    baseline: Any,
    against: str,
) -> Task:
    """What `compute_saliency` would do, as a task. against: a token id as text, or empty for none, as a page says it.

    Raises: SelectionError for a choice that does not exist; running it raises as `compute_saliency` does.
    """
    if against and not (against.isascii() and against.isdecimal() and len(against) < 10):
        raise SelectionError("The token to subtract must be a number from the vocabulary. Choose one by searching.")
    choices = {"target": target, "against": int(against) if against else None, "method": method, "baseline": baseline}
    return Task(
        trace,
        kind=f"saliency {method} {baseline}",
        work=saliency_work(position + 1, trace.info.n_blocks, method),
        run=lambda keep: compute_saliency(model, trace, position, **choices, keep=keep),
    )


def saliency_work(n_positions: int, n_blocks: int, method: Method) -> float:
    """Expected work up to a position, in token passes."""
    _refuse_unknown(method, Method)
    passes = {
        "integrated": float(USUAL_STEPS),
        "depth": USUAL_STEPS * (n_blocks + 1) / 2,  # from block k on
        "input_gradient": 1.0,
        "gradient_norm": 1.0,
        "occlusion": n_positions / 2,  # forward only
    }
    return work_of(n_positions, passes[method])


def _refuse_unknown(value: str, choices: Any) -> None:
    if value not in get_args(choices):
        raise SelectionError(f"There is no choice '{value}' here. Choose one of: {', '.join(get_args(choices))}.")


def _texts(model: LanguageModel, trace: Trace, position: int, baseline: Baseline) -> tuple[Tensor, Tensor]:
    """The embeddings up to the position, and those of the baseline, (1, n_positions, d_model) each."""
    embed: nn.Module = model.network.get_input_embeddings()  # type: ignore[operator]
    text: Tensor = embed(torch.from_numpy(trace.token_ids[None, : position + 1]))
    if baseline == "zero":
        return text, torch.zeros_like(text)
    row = embed(torch.tensor(model.start_id)) if baseline == "end" else _mean(embed)
    return text, row.expand_as(text).clone()


def _mean(embed: nn.Module) -> Tensor:
    """The mean of all embeddings as they enter the network: Gemma's are a multiple of the table's rows."""
    table = next(embed.parameters())
    chunks = torch.arange(len(table)).split(_CHUNK)
    return torch.stack([embed(ids).sum(dim=0) for ids in chunks]).sum(dim=0) / len(table)


def _to_the_end(arrays: Arrays, n_positions: int) -> Arrays:
    """With zeros for the tokens after the position, which cannot change what is said there."""
    missing = {name: n_positions - arrays[name].shape[-1] for name in ("attributions", "depth") if name in arrays}
    return arrays | {
        name: np.pad(arrays[name], [(0, 0)] * (arrays[name].ndim - 1) + [(0, width)]) for name, width in missing.items()
    }
