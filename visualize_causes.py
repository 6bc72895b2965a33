"""Notebook interface to causes: direct attribution, removals, patches and head scores, as functions of `visualize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.attribution import compute_attribution
from analysis.causes.copying import compute_all_scores
from analysis.causes.head_scores import AnyScore, probe_trace
from analysis.causes.intervention import read_interventions
from analysis.causes.patching import compute_patching
from analysis.causes.sweep import compute_sweep
from analysis.effect import compute_effect
from analysis.errors import check_choice
from analysis.models.open import ModelLike, chosen_model, open_model
from analysis.models.sentence import checked_token, read_part, read_sentence
from analysis.selection import Part, Selection
from layouts.figures.explained import (
    explained_by_parts,
    explained_by_patches,
    explained_by_removal,
    explained_by_sweep,
)
from layouts.figures.head_scores import HeadScoreTable
from layouts.figures.standalone import FigureOfResults
from visualize_comparison import attribution_difference, compared, removal_difference, sweep_difference

if TYPE_CHECKING:
    from analysis.causes.intervention import Replacement
    from analysis.causes.patching import Carried


def plot_logit_attribution(
    sentence: str,
    *,
    position: int | None = None,
    target: int | str | None = None,
    against: int | str | None = None,
    select: str | None = None,
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """Direct attribution: each part's share of the next token's logit after `position` (by default the last).

    target: the explained token, as for `plot_gradients`. against: the token whose logit is subtracted, in the same way.
    select: the marked part (see `visualize`); of an MLP, the shares of its neurons are shown, too.
    compare, compare_model: shows A − B (see `visualize`).
    Raises: AnalysisError for a sentence, a number, a token or a model that cannot be shown or compared.
    """
    shown, trace, _ = read_sentence(chosen_model(model), sentence, position)
    explained, other = (None if token is None else checked_token(token, shown) for token in (target, against))
    part, here = read_part(trace, select, position, explained)
    if pair := compared(shown, trace, here, compare, compare_model):
        return attribution_difference(pair, part, other)
    result = compute_attribution(shown, trace, part, here, against=other)
    return explained_by_parts(result, sentence)


def plot_ablation(
    sentence: str,
    remove: str | None = None,
    *,
    replacement: Replacement = "mean",
    everywhere: bool = True,
    position: int | None = None,
    target: int | str | None = None,
    against: int | str | None = None,
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """The next token's prediction after `position` (by default the last) without parts of the model, and as it is.

    remove: parts in the form of the page's address, separated by commas, each with what takes its place:
    "block.3.attention.head.5=mean,block.0.mlp@4=zero" (`@4`: at position 4 only). "mean" is the part's mean over this
    sentence, "reference" over a text that comes with the project. By default each head and each MLP is removed alone,
    replaced by `replacement` at all positions, or with everywhere=False at `position` only, and the figure shows what
    each does to the logit. target, against: as for `plot_logit_attribution`.
    compare, compare_model: shows A − B (see `visualize`).
    Raises: AnalysisError for a sentence, a part, a number, a token, a choice or a model that cannot be shown or
    compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    token, minus = (None if one is None else checked_token(one, shown) for one in (target, against))
    removed = None if remove is None else read_interventions(remove)
    if pair := compared(shown, trace, here, compare, compare_model):
        if removed is None:
            return sweep_difference(pair, replacement, everywhere, token, minus)
        return removal_difference(pair, removed, token, minus)
    if removed is None:
        choices: dict[str, Any] = {"replacement": replacement, "everywhere": everywhere}
        sweep = compute_sweep(shown, trace, here, target=token, against=minus, **choices)
        return explained_by_sweep(sweep, Selection(Part.OUTPUT), sentence)
    result = compute_effect(shown, trace, here, interventions=removed, target=token, against=minus)
    return explained_by_removal(result, trace.info, sentence)


def plot_patching(
    sentence: str,
    other: str,
    *,
    carried: Carried = "stream",
    target: int | str | None = None,
    against: int | str | None = None,
    model: ModelLike | None = None,
) -> FigureOfResults:
    """Activation patching: the model reads another sentence, `other`, with single values from `sentence`.

    0 is `other` as it is and 1 is `sentence`, after the last token of both. carried: what takes its value from
    `sentence`: "stream", "attention" or "mlp", at each layer and token, or "heads". target: the token whose logit is
    read, by default the most probable one after `sentence`; the logit of `against` is subtracted.
    Raises: AnalysisError for sentences, a token, a choice or a model that cannot be shown.
    """
    shown, trace, _ = read_sentence(chosen_model(model), sentence, None)
    patched = read_sentence(shown, other, None)[1]
    explained, minus = (None if token is None else checked_token(token, shown) for token in (target, against))
    result = compute_patching(shown, trace, patched, carried=carried, target=explained, against=minus)
    return explained_by_patches(result, sentence, other)


def head_scores(
    sentence: str | None = None, *, sort: AnyScore = "induction", model: ModelLike | None = None
) -> HeadScoreTable:
    """Head scores: how much of each head's attention follows a known pattern: induction, previous token and others.

    sentence: by default the standard probe, 50 random tokens that are repeated once, on which heads can be compared.
    sort: the score that orders the table. The result's `scores` are arrays of all heads, (layers, heads).
    Raises: AnalysisError for a sentence, a score or a model that cannot be shown.
    """
    check_choice(sort, AnyScore, "the score")
    if sentence is None:
        shown, about = open_model(chosen_model(model)), "random tokens, repeated once"
        trace = probe_trace(shown)
    else:
        (shown, trace, _), about = read_sentence(chosen_model(model), sentence, None), f"“{sentence}”"
    return HeadScoreTable(f"Head scores · {shown.name} · {about}", compute_all_scores(shown, trace), sort)
