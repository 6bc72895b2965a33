"""Tables of the what-if panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layouts.figures.tables.table import Table, piece_columns, tidy, token_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.causes.patching import PatchingResult
    from analysis.causes.sweep import SweepResult
    from analysis.effect import EffectResult

_PREDICTIONS = "The most probable next tokens, with their probabilities, 0 to 1, before and after the removals."


def effect_tables(
    effect: EffectResult | None = None,
    *,
    a: EffectResult | None = None,
    b: EffectResult | None = None,
    sweep: SweepResult | None = None,
    patching: PatchingResult | None = None,
) -> list[Table]:
    """The predictions before and after, and the grid of removals or of patches. a, b: those of A and of B."""
    tables = [] if effect is None else [Table("predictions", _PREDICTIONS, _before_and_after(effect))]
    if a is not None and b is not None:
        tables.append(_compared(a, b))
    if sweep is not None:
        tables.append(_sweep(sweep))
    if patching is not None:
        tables.append(_patches(patching))
    return tables


def _compared(a: EffectResult, b: EffectResult) -> Table:
    each = [_before_and_after(one) for one in (a, b)]
    sides = np.repeat(["A", "B"], [len(columns["before"]) for columns in each])
    joined = {name: np.concatenate([columns[name] for columns in each]) for name in each[0]}
    return Table("predictions", _PREDICTIONS, {"text": sides, **joined})


def _before_and_after(effect: EffectResult) -> dict[str, NDArray[Any]]:
    after = {piece.id: share for piece, share in effect.after.top}
    pieces = [piece for piece, _ in effect.before.top]
    return {
        **piece_columns(pieces),
        "before": np.array([share for _, share in effect.before.top]),
        "after": np.array([after[piece.id] for piece in pieces]),
    }


def _sweep(sweep: SweepResult) -> Table:
    minus = ", A minus B" if hasattr(sweep, "b") else ""
    rows = tidy(("block", "column"), {"effect": sweep.effects, "estimate": sweep.estimates})
    n_heads = sweep.effects.shape[1] - 1
    names = np.array([*(f"head {head}" for head in range(n_heads)), "MLP"])
    return Table(
        "removals",
        f"The explained logit without a part minus the logit with it{minus}, in logits, and its estimate from the "
        "gradient; nan where it is not computed.",
        {
            "block": rows["block"],
            "part": names[rows["column"]],
            f"effect in logits{minus}": rows["effect"],
            f"estimate{minus}": rows["estimate"],
        },
    )


def _patches(patching: PatchingResult) -> Table:
    rows = tidy(("block", "column"), {"logit": patching.values})
    caption = (
        f"The explained logit in B with one value of A ({patching.carried}); without, it is {patching.corrupted:.6g} "
        f"in B and {patching.clean:.6g} in A. nan where it is not computed."
    )
    heads = {"head": rows["column"]}
    where = heads if patching.carried == "heads" else token_columns(patching.tokens, rows["column"])
    return Table("patches", caption, {"block": rows["block"], **where, "logit": rows["logit"]})
