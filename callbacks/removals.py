"""The list of removals of the what-if panel, with the buttons that add one and take one back."""

from typing import Any

from analysis.causes.intervention import MOST_INTERVENTIONS, Intervention, Where, added, write_interventions
from analysis.errors import check_choice
from analysis.model_info import ModelInfo
from layouts import effect
from layouts.figures.effect import REPLACED, REPLACED_SHORT, intervention_words


def everywhere_of(where: str) -> bool:
    """Whether parts are removed at all positions.

    Raises: SelectionError for a choice that there is not.
    """
    check_choice(where, Where, "where parts are removed")
    return where == "all"


def removal_list(interventions: tuple[Intervention, ...], one: Intervention | None, info: ModelInfo) -> list[Any]:
    """The button that removes the selection, and the removals, each with a button that takes it back."""
    rows = [
        effect.removed_part(
            intervention_words(each, info),
            REPLACED[each.replacement],
            REPLACED_SHORT[each.replacement],
            each.selection,
            write_interventions([other for other in interventions if other != each]),
        )
        for each in interventions
    ]
    if one is None:
        return [effect.message("Select a part of a block, or the embedding, to remove it."), *rows]
    if one in interventions:
        return rows
    more = added(interventions, one)
    if len(more) > MOST_INTERVENTIONS:
        return [effect.message(f"{MOST_INTERVENTIONS} parts are removed, which is the most. Take one back."), *rows]
    return [
        effect.removal_button(intervention_words(one, info), REPLACED[one.replacement], write_interventions(more)),
        *rows,
    ]
