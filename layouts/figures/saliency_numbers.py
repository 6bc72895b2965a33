"""Attributions in numbers: the check sums, the warning of a failed check, and what the numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layouts.figures.saliency import unit
from layouts.figures.text import counted, signed

if TYPE_CHECKING:
    from analysis.saliency import SaliencyResult

_DEFINITIONS = {
    "integrated": (
        "Integrated gradients (Sundararajan et al. 2017): attribution_i = Σ_d (x_id − x′_id) ∫₀¹ ∂F(x′ + α(x − x′)) / "
        "∂x_id dα, by Gauss-Legendre quadrature on segments of the path. They sum to F(x) − F(x′); the certificate is "
        "the sum of the absolute errors of all segments, in logits."
    ),
    "depth": (
        "Integrated gradients (Sundararajan et al. 2017) of the tokens and, for depth, at the input of each block, on "
        "the straight line between its inputs for x′ and for x. Each row sums to F(x) − F(x′)."
    ),
    "input_gradient": (
        "Input × gradient: attribution_i = Σ_d x_id ∂F(x) / ∂x_id; for depth, x is the input of each block."
    ),
    "gradient_norm": (
        "L2 norm of the gradient, unsigned: attribution_i = √Σ_d (∂F(x) / ∂x_id)²; for depth, x is the input of each "
        "block."
    ),
    "occlusion": "Occlusion: attribution_i = F(x) − F(x with x_i replaced by x′_i).",
}
_ENTRY = (
    "x: the token embeddings, before positions are added; x′: the same with each replaced by the baseline (zero: the "
    "zero vector; end: the embedding of the token that starts a text; mean: the mean of all rows of the embedding "
    "matrix). F: the logit of `target` at `position`, minus that of `against` if it is set; later tokens do not affect "
    "F, so their attribution is exactly 0."
)


def saliency_numbers(result: SaliencyResult) -> list[tuple[str, str]]:
    """The check sums of the attributions, as names and values."""
    pairs = [("F(x)", f"{_exactly(result.value)} logits")]
    if result.exact or result.method == "occlusion":
        pairs += [
            ("F(x′)", f"{_exactly(result.base)} logits"),
            ("F(x) − F(x′)", f"{_exactly(result.value - result.base)} logits"),
        ]
    if result.exact:
        change = abs(result.value - result.base)
        bound = float(np.nanmax(result.certificates)) if result.certificates is not None else 0.0
        pairs += [
            ("Σ attributions", f"{_exactly(result.total)} logits"),
            ("δ", f"{signed(result.delta)} logits ({_share(abs(result.delta), change)})"),
            (
                "certificate, worst block" if result.method == "depth" else "certificate",
                f"{signed(bound).replace('+', '±')} logits ({_share(bound, change)})",
            ),
            ("gradients", f"{result.gradients:,}"),
            ("smallest segment", f"1/{round(1 / result.smallest):,} of the path"),
        ]
    else:
        pairs.append(("Σ", f"{_exactly(result.total)} (not expected to equal {pairs[-1][0]})"))
    return [*pairs, ("precision", result.precision)]


def saliency_warning(result: SaliencyResult) -> str:
    """How far attributions are from being certified; empty if they are, or need no certificate."""
    if result.converged:
        return ""
    of_change = f"of F(x) − F(x′) = {signed(result.value - result.base)} logits"
    if result.doubtful:
        return (
            f"No answer: after {counted(result.gradients, 'gradient')} the errors along the path may add up to "
            f"{_error(result.error)} {of_change}. Single values may even have the wrong sign, so nothing is coloured. "
            "These methods need no path:"
        )
    if len(result.doubtful_rows):
        n_blocks = counted(len(result.doubtful_rows), "block")
        return f"At the input of {n_blocks} the errors may add up to more than 5% {of_change}; their rows are grey."
    return f"Approximate: the errors along the path may add up to {_error(result.worst_error)} {of_change}."


def definition(result: SaliencyResult) -> str:
    """How attributions are defined, and their unit."""
    return f"{_DEFINITIONS[result.method]} {_ENTRY} The unit is {unit(result)}."


def _exactly(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")


def _share(part: float, change: float) -> str:
    return _error(part / change if change else (np.inf if part else 0.0))


def _error(share: float) -> str:
    if np.isinf(share):
        return "∞"
    return "<0.01%" if 0 < share < 0.00005 else f"{share:.2%}"
