"""Notebook interface to the scene and the overview, the numbers of all parts, as functions of `visualize`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast, get_args

import plotly.graph_objects as go

from analysis.architecture import ArchitectureResult, ProbeScore, architecture_without_values, compute_architecture
from analysis.attribution import compute_attribution
from analysis.causes.copying import compute_all_scores
from analysis.causes.head_scores import probe_trace
from analysis.causes.sweep import compute_sweep
from analysis.comparison.architecture import compute_architecture_difference, unmatched_parts
from analysis.comparison.overview import compute_overview_difference
from analysis.errors import SelectionError
from analysis.models.open import ModelLike, chosen_model, outline_without_weights
from analysis.models.sentence import checked_token, read_part, read_sentence
from analysis.overview import compute_overview
from analysis.prediction import compute_prediction
from analysis.selection import Part, Selection
from layouts.figures import architecture
from layouts.figures.comparison.scene import (
    NO_KINDS,
    NO_PARTS,
    architecture_difference_reading,
    overview_difference_reading,
)
from layouts.figures.overview import overview_figure, overview_reading
from layouts.figures.scene_alone import make_self_contained
from layouts.figures.standalone import FigureOfResults, standalone, titled
from visualize_comparison import Pair, compared, in_b

if TYPE_CHECKING:
    from analysis.architecture import ColorBy
    from analysis.causes.head_scores import AnyScore
    from analysis.causes.intervention import Replacement
    from analysis.models.language_model import LanguageModel
    from analysis.trace import Trace

EXAMPLE = "Once upon a time there was a little girl who lived in a cottage near the great forest."
_OUTPUT, _HEIGHT = Selection(Part.OUTPUT), 460


def enhanced_3d_visualization(
    sentence: str = EXAMPLE,
    *,
    position: int | None = None,
    select: str | None = None,
    color_by: ColorBy = "norm",
    target: int | str | None = None,
    against: int | str | None = None,
    replacement: Replacement = "mean",
    everywhere: bool = True,
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """The network as a 3D scene with the values of a sentence: heads above the residual stream, MLP tiles below.

    color_by: "norm", the L2 norm of what each part adds to the residual stream; "attribution", its share of the logit
    of the most probable token; "effect", what removing it does to that logit; "entropy" of each head's attention;
    "first", the share of that attention on the first token; "induction", "previous", "duplicate" or "copying", that
    head score on the standard probe; or "kind" of part. position: the token whose values are shown, by default the
    last. select: the marked part (see `visualize`). target, against: the token whose logit is explained, and one whose
    logit is subtracted. replacement, everywhere: of removed parts, as for `plot_ablation`.
    A size of GPT-2 is shown without values if its weights are not on this machine.
    compare, compare_model: shows the values of A minus those of B instead (see `visualize`).
    Raises: AnalysisError for a sentence, a number, a colouring or a model that cannot be shown or compared.
    """
    chosen, alone = chosen_model(model), compare is None and compare_model is None
    if alone and (outline := outline_without_weights(chosen)) is not None:
        result = architecture_without_values(outline.info, _OUTPUT)
        reading = architecture.architecture_reading(result, "")
        title, results = f"Architecture · {chosen}", {"architecture": result}
        return standalone([_scene(result)], [_HEIGHT], title=title, sentences=[reading], results=results)
    shown, trace, _ = read_sentence(chosen, sentence, position)
    part, here = read_part(trace, select, position, None if target is None else checked_token(target, shown))
    asked = _Colors(color_by, part, None if against is None else checked_token(against, shown), replacement, everywhere)
    token = trace.tokens[here].label
    predictions = compute_prediction(shown, trace, _OUTPUT, here, k=4).top
    texts: dict[str, Any] = {"tokens": trace.tokens[: here + 1], "predictions": predictions}
    if pair := compared(shown, trace, here, compare, compare_model):
        a, b = _numbers_of_both(pair, asked)
        result = compute_architecture_difference(pair.comparison, a, b)
        reading = _checked(pair, a, architecture_difference_reading(result, token))
        figures, results = [(_scene(result, **texts), _HEIGHT)], {"architecture": result, **texts}
        return pair.drawn(f"Architecture · A − B · {shown.name}", figures, reading, results=results)
    result = compute_architecture(trace, part, here, color_by=color_by, **_numbers(shown, trace, here, asked))
    return standalone(
        [_scene(result, **texts)],
        [_HEIGHT],
        title=titled(f"Architecture · {shown.name}", sentence),
        sentences=[architecture.architecture_reading(result, token)],
        results={"architecture": result, **texts},
    )


def plot_overview(
    sentence: str,
    *,
    position: int | None = None,
    select: str | None = None,
    color_by: ColorBy = "norm",
    target: int | str | None = None,
    against: int | str | None = None,
    replacement: Replacement = "mean",
    everywhere: bool = True,
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> FigureOfResults:
    """The numbers of the 3D scene in 2D: one cell for each head and each MLP tile of all blocks.

    The arguments are those of `enhanced_3d_visualization`.
    Raises: AnalysisError for a sentence, a number, a part, a colouring or a model that cannot be shown or compared.
    """
    shown, trace, _ = read_sentence(chosen_model(model), sentence, position)
    part, here = read_part(trace, select, position, None if target is None else checked_token(target, shown))
    asked = _Colors(color_by, part, None if against is None else checked_token(against, shown), replacement, everywhere)
    token = trace.tokens[here].label
    if pair := compared(shown, trace, here, compare, compare_model):
        a, b = _numbers_of_both(pair, asked)
        difference = compute_overview_difference(pair.comparison, a, b)
        reading = _checked(pair, a, overview_difference_reading(difference, token))
        figures, results = [(overview_figure(difference), _HEIGHT)], {"overview": difference}
        return pair.drawn(f"Overview · A − B · {shown.name}", figures, reading, results=results)
    result = compute_overview(trace, part, here, color_by=color_by, **_numbers(shown, trace, here, asked))
    return standalone(
        [overview_figure(result)],
        [_HEIGHT],
        title=titled(f"Overview · {shown.name}", sentence),
        sentences=[overview_reading(result, token)],
        results={"overview": result},
    )


def _scene(result: ArchitectureResult, **texts: Any) -> go.Figure:
    """The scene without the page. texts: as for `architecture_figure`."""
    figure = architecture.architecture_figure(result, **texts)
    make_self_contained(figure, result.info)
    return figure


@dataclass(frozen=True)
class _Colors:
    """What the colours are: numbers of a kind, with the selection, and the settings of attributions and removals."""

    color_by: ColorBy
    part: Selection
    against: int | None
    replacement: Replacement
    everywhere: bool


def _numbers(model: LanguageModel, trace: Trace, position: int, asked: _Colors) -> dict[str, Any]:
    """What a colouring needs besides the trace."""
    color_by, part, against = asked.color_by, asked.part, asked.against
    if color_by == "attribution":
        return {"attribution": compute_attribution(model, trace, part, position, against=against)}
    if color_by in get_args(ProbeScore):
        return {"scores": compute_all_scores(model, probe_trace(model))[cast("AnyScore", color_by)]}
    if color_by != "effect":
        return {}
    choices: dict[str, Any] = {"replacement": asked.replacement, "everywhere": asked.everywhere}
    return {"sweep": compute_sweep(model, trace, position, target=part.target, against=against, **choices)}


def _numbers_of_both(pair: Pair, asked: _Colors) -> tuple[ArchitectureResult, ArchitectureResult]:
    """The numbers of all parts in A and in B, which explain the logit of the same token.

    Raises: SelectionError if they cannot be compared.
    """
    comparison, color_by = pair.comparison, asked.color_by
    if color_by in ("attribution", "effect"):
        there = pair.check_logits()
    elif color_by in get_args(ProbeScore):
        there = max(0, int(comparison.aligned[pair.position]))
    else:
        there = comparison.counterpart(pair.position)
    own = _numbers(pair.model, comparison.a, pair.position, asked)
    a = compute_architecture(comparison.a, asked.part, pair.position, color_by=color_by, **own)
    explained = a.attribution or a.sweep
    other = Selection(Part.OUTPUT, position=there, target=explained.target.id if explained else None)
    with in_b():
        others = _numbers(pair.other_model, comparison.b, there, replace(asked, part=other))
    b = compute_architecture(comparison.b, other, there, color_by=color_by, **others)
    # Head scores need no counterpart of the position, but the stream does.
    return a, replace(b, residual_norms=None) if comparison.missing_position(pair.position) else b


def _checked(pair: Pair, a: ArchitectureResult, reading: str) -> str:
    """The sentence of the figure, followed by the reason why parts of A have no difference.

    Raises: SelectionError if nothing can.
    """
    problem = unmatched_parts(pair.comparison, a)
    if reading in (NO_KINDS, NO_PARTS):
        raise SelectionError(problem or reading)
    return f"{reading} {problem}".rstrip()
