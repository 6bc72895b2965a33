"""Effects in A minus those in B: of removing each head and each MLP, and of the removals that are listed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from analysis.causes.intervention import Intervention, misfit
from analysis.causes.sweep import SweepResult
from analysis.comparison.blocks import by_block
from analysis.comparison.pair import Comparison
from analysis.comparison.problem import first_problem
from analysis.effect import EffectResult, compute_effect
from analysis.models.language_model import LanguageModel
from analysis.task import Derived, derive_now
from analysis.trace import Float


@dataclass(frozen=True, eq=False)
class SweepDifference(SweepResult):
    """The effects of A minus those of B, as a result of A; NaN for parts that B does not have.

    Attributes
    ----------
    a, b : SweepResult
        The sweeps of each, for the same target, after positions that stand for each other.
    problem : str
        Why heads are not compared; empty if they are.
    """

    a: SweepResult
    b: SweepResult
    problem: str

    @property
    def complete(self) -> bool:
        """Whether all effects of A and B are computed."""
        return self.a.complete and self.b.complete


def compute_sweep_difference(comparison: Comparison, a: SweepResult, b: SweepResult) -> SweepDifference:
    """A minus B of two sweeps with the same target and replacement."""
    assert (a.target, a.against, a.replacement, a.everywhere) == (b.target, b.against, b.replacement, b.everywhere)
    kept: dict[str, Any] = {field.name: getattr(a, field.name) for field in fields(SweepResult)}
    kept |= {"base": a.base - b.base, "effects": _minus(a.effects, b.effects)}
    kept["estimates"] = _minus(a.estimates, b.estimates)
    return SweepDifference(**kept, a=a, b=b, problem=comparison.unequal("n_heads", "Heads"))


def compute_effect_difference(
    comparison: Comparison,
    model: LanguageModel,
    other_model: LanguageModel,
    *,
    position: int,
    interventions: Sequence[Intervention],
    target: int,
    against: int | None = None,
    derived: Sequence[Derived] = (derive_now, derive_now),
) -> tuple[EffectResult, EffectResult]:
    """The predictions of A and B before and after interventions, with the same tokens among the most probable ones.

    position, interventions: those of A; in B, the same parts are replaced at the positions that stand for theirs.
    derived: those of A and of B.
    Raises: SelectionError as `compute_effect` does, if a position has no counterpart in B, and if the models have
    different vocabularies.
    """
    comparison.check_vocabulary()
    there = comparison.counterpart(position)
    asked: dict[str, Any] = {"target": target, "against": against}
    sides = (
        (model, comparison.a, position, {**asked, "interventions": interventions, "derived": derived[0]}),
        (
            other_model,
            comparison.b,
            there,
            {**asked, "interventions": _in_b(comparison, interventions), "derived": derived[1]},
        ),
    )
    tops: tuple[int, ...] = ()
    for one, trace, at, more in sides:
        tops += tuple(piece.id for piece, _ in compute_effect(one, trace, at, **more).before.top)
    a, b = (compute_effect(one, trace, at, shown=tops, **more) for one, trace, at, more in sides)
    return a, b


def misfit_in_either(comparison: Comparison, interventions: Sequence[Intervention]) -> str:
    """What of the interventions A or B does not have, in words; empty if both have all."""
    a, b = comparison.a, comparison.b
    if problem := misfit(interventions, a.info, a.n_positions):
        return problem
    if problem := first_problem(lambda: _in_b(comparison, interventions)):
        return problem
    problem = misfit(_in_b(comparison, interventions), b.info, b.n_positions)
    return problem and f"In B: {problem}"


def _in_b(comparison: Comparison, interventions: Sequence[Intervention]) -> list[Intervention]:
    """The same interventions at the positions of B."""
    return [
        one if one.position is None else replace(one, position=comparison.counterpart(one.position))
        for one in interventions
    ]


def _minus(here: Float, there: Float) -> Float:
    """Heads, and in the last column MLPs, (n_blocks, n_heads + 1): MLPs also if the numbers of heads differ."""
    heads = by_block(here[:, :-1], there[:, :-1])
    return np.concatenate([heads, by_block(here[:, -1:], there[:, -1:])], axis=1)
