"""Attributions in numbers: what they can be checked by, a warning, and all that is needed to compute them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.saliency import signed, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.model_info import ModelInfo
    from analysis.saliency import SaliencyResult
    from analysis.tokens import Piece
    from analysis.trace import Prompt

_DEFINITIONS = {
    "integrated": (
        "Integrated gradients (Sundararajan et al. 2017): attribution_i = Σ_d (x_id − x′_id) ∫₀¹ ∂F(x′ + α(x − x′)) / "
        "∂x_id dα, by Gauss-Legendre quadrature with `steps` points. They sum to F(x) − F(x′)."
    ),
    "depth": (
        "As integrated gradients (Sundararajan et al. 2017), and for depth the same at the input of each block, on the "
        "straight line between what enters it for x′ and for x. Each row sums to F(x) − F(x′)."
    ),
    "input_gradient": (
        "Input × gradient: attribution_i = Σ_d x_id ∂F(x) / ∂x_id; for depth x is what enters each block."
    ),
    "gradient_norm": (
        "L2 norm of the gradient, unsigned: attribution_i = √Σ_d (∂F(x) / ∂x_id)²; for depth x is what enters each "
        "block."
    ),
    "occlusion": "Occlusion: attribution_i = F(x) − F(x with x_i replaced by x′_i).",
}
_ENTRY = (
    "x: the token embeddings, before positions are added; x′: the same with each replaced by the baseline (zero: the "
    "zero vector; end: the embedding of the end-of-text token; mean: the mean of all rows of the embedding matrix). F: "
    "the logit of `target` at `position`, minus that of `against` where there is one; later tokens are not read and "
    "have exactly 0."
)


def saliency_numbers(result: SaliencyResult) -> list[tuple[str, str]]:
    """What the attributions can be checked by: names and values."""
    pairs = [("F(x)", f"{_exactly(result.value)} logits")]
    if result.exact or result.method == "occlusion":
        pairs += [
            ("F(x′)", f"{_exactly(result.base)} logits"),
            ("F(x) − F(x′)", f"{_exactly(result.value - result.base)} logits"),
        ]
    if result.exact:
        pairs += [
            ("Σ attributions", f"{_exactly(result.total)} logits"),
            ("δ", f"{signed(result.delta)} logits"),
            ("error, worst row" if result.method == "depth" else "error", _error(result.error)),
            ("steps", f"{result.steps:,}"),
        ]
    else:
        pairs.append(("Σ", f"{_exactly(result.total)}; need not add up to {pairs[-1][0]}"))
    return [*pairs, ("precision", result.precision)]


def saliency_warning(result: SaliencyResult) -> str:
    """That the attributions do not add up as they should; empty where they do, or need not."""
    if result.converged:
        return ""
    if np.isinf(result.error):
        miss = "do not add up to F(x) − F(x′), which is 0"
    else:
        where = " in the worst row" if result.method == "depth" else ""
        miss = f"miss the difference F(x) − F(x′) by {_error(result.error)}{where}"
    return f"Not converged: with {result.steps:,} steps the attributions {miss}. Read them as rough."


def saliency_export(
    result: SaliencyResult, prompt: Prompt, info: ModelInfo, *, versions: Mapping[str, str]
) -> dict[str, Any]:
    """All that is needed to compute the result again, for JSON. versions: of the libraries, by name."""
    return {
        "model": prompt.model,
        "family": info.family,
        "fingerprint": info.fingerprint,
        "text": prompt.text,
        "start": prompt.start,
        "tokens": [{"position": t.position, "id": t.id, "label": t.label} for t in result.tokens],
        "position": result.position,
        "target": _piece(result.target) | {"most_probable": not result.chosen},
        "against": _piece(result.against) if result.against else None,
        "method": result.method,
        "baseline": result.baseline,
        "steps": result.steps,
        "precision": result.precision,
        "F(x)": float(result.value),
        "F(x′)": float(result.base),
        "attributions": _listed(result.attributions),
        "sum": float(result.total),
        "delta": float(result.delta) if result.exact else None,
        "converged": bool(result.converged) if result.exact else None,
        "depth": _listed(result.depth),
        "depth_deltas": _listed(result.depth_deltas),
        "unit": unit(result),
        "definition": f"{_DEFINITIONS[result.method]} {_ENTRY}",
        "versions": dict(versions),
    }


def _exactly(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")


def _error(share: float) -> str:
    if np.isinf(share):
        return "∞"
    return "<0.01%" if 0 < share < 0.00005 else f"{share:.2%}"


def _piece(piece: Piece) -> dict[str, Any]:
    return {"id": piece.id, "label": piece.label}


def _listed(values: NDArray[Any] | None) -> list[Any] | None:
    """Nested lists; None for what is not a number, which JSON does not know."""
    return None if values is None else np.where(np.isnan(values), None, values.astype(object)).tolist()
