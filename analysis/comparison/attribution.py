"""Direct attribution, A minus B: what each part adds to the logit of one token in A more than in B."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from analysis.attribution import AttributionResult, compute_attribution
from analysis.causes.shares import Logits
from analysis.comparison.blocks import by_block
from analysis.comparison.pair import Comparison
from analysis.models.language_model import LanguageModel
from analysis.selection import Part, Selection


@dataclass(frozen=True, eq=False)
class AttributionDifference(AttributionResult):
    """The shares of A minus those of B, as a result of A; NaN for parts of A that B does not have.

    Attributes
    ----------
    a, b : AttributionResult
        The shares in each, of the logit of the same token, after positions that stand for each other.
    problem : str
        Why heads, or the neurons of the selected MLP, are not compared; empty if they are.
    """

    a: AttributionResult
    b: AttributionResult
    problem: str

    @property
    def total(self) -> float:
        """The sum of all shares in A minus that in B, also of parts that only one of them has."""
        return self.a.total - self.b.total

    @property
    def cumulated(self) -> Logits:
        """(2 · n_blocks + 1,): as of a single result; NaN after blocks that B does not have."""
        return by_block(self.a.cumulated, self.b.cumulated)

    @property
    def equal(self) -> bool:
        """Whether every part has the same share in A and B."""
        ends = (self.embedding, self.positions, self.norm_bias, self.head_bias, self.total)
        blocks = (self.heads, self.tiles, self.attention_biases, self.mlp_biases)
        return not any(end for end in ends) and not any(array.any() for array in blocks if array is not None)


def compute_attribution_difference(
    comparison: Comparison,
    model: LanguageModel,
    other_model: LanguageModel,
    selection: Selection,
    position: int,
    *,
    against: int | None = None,
) -> AttributionDifference:
    """Direct attribution in A minus that in B, of the same logit: the selection's target, or A's most probable token.

    selection, position: those of A. An MLP has one share, that of all its neurons, not one for each tile. If the models
    have different numbers of heads, all heads are missing.
    Raises: SelectionError if the position has no counterpart in B, or the models have different vocabularies.
    """
    comparison.check_vocabulary()
    there = comparison.counterpart(position)
    a = compute_attribution(model, comparison.a, selection, position, against=against)
    asked = Selection(Part.OUTPUT, position=there, target=a.target.id)
    problem = comparison.unequal("n_heads", "Heads")
    if selection.part is Part.MLP and selection.block is not None:
        neurons_problem = comparison.missing_block(selection.block) or comparison.unequal("n_neurons", "Neurons")
        problem = problem or neurons_problem
        if not neurons_problem:
            asked = replace(asked, part=Part.MLP, block=selection.block)
    b = compute_attribution(other_model, comparison.b, asked, there, against=against)
    kept: dict[str, Any] = {field.name: getattr(a, field.name) for field in fields(AttributionResult)}
    numbers = ("embedding", "positions", "norm_bias", "head_bias")
    kept |= {name: _minus(getattr(a, name), getattr(b, name)) for name in numbers}
    for name in ("heads", "attention_biases", "mlp_biases"):
        kept[name] = None if kept[name] is None else _arrays(kept[name], getattr(b, name))
    kept["tiles"] = by_block(a.mlps[:, None], b.mlps[:, None])
    if a.neurons is not None:
        kept["neurons"] = np.full_like(a.neurons, np.nan) if b.neurons is None else a.neurons - b.neurons
    return AttributionDifference(**kept | {"logit": a.logit - b.logit}, a=a, b=b, problem=problem)


def _minus(here: float | None, there: float | None) -> float | None:
    if here is None:
        return None
    return float("nan") if there is None else here - there


def _arrays(here: Logits, there: Logits | None) -> Logits:
    return np.full_like(here, np.nan) if there is None else by_block(here, there)
