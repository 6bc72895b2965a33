"""Notebook interface to the scene and the overview, the numbers of all parts, as functions of `visualize`."""

from __future__ import annotations

from dataclasses import replace
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
from analysis.models.sentence import read_sentence
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
from layouts.figures.standalone import standalone, titled
from visualize_comparison import Pair, compared, in_b

if TYPE_CHECKING:
    from analysis.architecture import ColorBy
    from analysis.causes.head_scores import AnyScore
    from analysis.models.language_model import LanguageModel
    from analysis.trace import Trace

EXAMPLE = "Once upon a time there was a little girl who lived in a cottage near the great forest."
_OUTPUT, _HEIGHT = Selection(Part.OUTPUT), 460


def enhanced_3d_visualization(
    sentence: str = EXAMPLE,
    *,
    position: int | None = None,
    color_by: ColorBy = "norm",
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> go.Figure:
    """The network as a 3D scene with the values of a sentence: heads above the residual stream, MLP tiles below.

    color_by: "norm", the L2 norm of what each part adds to the residual stream; "attribution", its share of the logit
    of the most probable token; "effect", what removing it does to that logit; "entropy" of each head's attention;
    "first", the share of that attention on the first token; "induction", "previous", "duplicate" or "copying", that
    head score on the standard probe; or "kind" of part. position: the token whose values are
    shown, by default the last. A size of GPT-2 is shown without values if its weights are not on this machine.
    compare, compare_model: shows the values of A minus those of B instead (see `visualize`).
    Raises: AnalysisError for a sentence, a number, a colouring or a model that cannot be shown or compared.
    """
    chosen, alone = chosen_model(model), compare is None and compare_model is None
    if alone and (outline := outline_without_weights(chosen)) is not None:
        result = architecture_without_values(outline.info, _OUTPUT)
        reading = architecture.architecture_reading(result, "")
        return standalone([_scene(result)], [_HEIGHT], title=f"Architecture · {chosen}", sentences=[reading])
    shown, trace, here = read_sentence(chosen, sentence, position)
    token = trace.tokens[here].label
    predictions = compute_prediction(shown, trace, _OUTPUT, here, k=4).top
    texts = {"tokens": trace.tokens[: here + 1], "predictions": predictions}
    if pair := compared(shown, trace, here, compare, compare_model):
        a, b = _numbers_of_both(pair, color_by)
        result = compute_architecture_difference(pair.comparison, a, b)
        reading = _checked(pair, a, architecture_difference_reading(result, token))
        return pair.drawn(f"Architecture · A − B · {shown.name}", [(_scene(result, **texts), _HEIGHT)], reading)
    result = compute_architecture(trace, _OUTPUT, here, color_by=color_by, **_numbers(shown, trace, here, color_by))
    title, reading = titled(f"Architecture · {shown.name}", sentence), architecture.architecture_reading(result, token)
    return standalone([_scene(result, **texts)], [_HEIGHT], title=title, sentences=[reading])


def plot_overview(
    sentence: str,
    *,
    position: int | None = None,
    color_by: ColorBy = "norm",
    model: ModelLike | None = None,
    compare: str | None = None,
    compare_model: ModelLike | None = None,
) -> go.Figure:
    """The numbers of the 3D scene in 2D: one cell for each head and each MLP tile of all blocks.

    color_by, position, compare, compare_model: as for `enhanced_3d_visualization`.
    Raises: AnalysisError for a sentence, a number, a colouring or a model that cannot be shown or compared.
    """
    shown, trace, here = read_sentence(chosen_model(model), sentence, position)
    token = trace.tokens[here].label
    if pair := compared(shown, trace, here, compare, compare_model):
        a, b = _numbers_of_both(pair, color_by)
        difference = compute_overview_difference(pair.comparison, a, b)
        reading = _checked(pair, a, overview_difference_reading(difference, token))
        return pair.drawn(f"Overview · A − B · {shown.name}", [(overview_figure(difference), _HEIGHT)], reading)
    result = compute_overview(trace, _OUTPUT, here, color_by=color_by, **_numbers(shown, trace, here, color_by))
    title = titled(f"Overview · {shown.name}", sentence)
    return standalone([overview_figure(result)], [_HEIGHT], title=title, sentences=[overview_reading(result, token)])


def _scene(result: ArchitectureResult, **texts: Any) -> go.Figure:
    """The scene without the page. texts: as for `architecture_figure`."""
    figure = architecture.architecture_figure(result, **texts)
    make_self_contained(figure, result.info)
    return figure


def _numbers(
    model: LanguageModel, trace: Trace, position: int, color_by: ColorBy, target: int | None = None
) -> dict[str, Any]:
    """What a colouring needs besides the trace. target: the token whose logit is explained, if it does that."""
    if color_by == "attribution":
        asked = Selection(Part.OUTPUT, target=target)
        return {"attribution": compute_attribution(model, trace, asked, position)}
    if color_by in get_args(ProbeScore):
        return {"scores": compute_all_scores(model, probe_trace(model))[cast("AnyScore", color_by)]}
    return {"sweep": compute_sweep(model, trace, position, target=target)} if color_by == "effect" else {}


def _numbers_of_both(pair: Pair, color_by: ColorBy) -> tuple[ArchitectureResult, ArchitectureResult]:
    """The numbers of all parts in A and in B, which explain the logit of the same token.

    Raises: SelectionError if they cannot be compared.
    """
    comparison, is_probe = pair.comparison, color_by in get_args(ProbeScore)
    if color_by in ("attribution", "effect"):
        there = pair.check_logits()
    else:
        there = max(0, int(comparison.aligned[pair.position])) if is_probe else comparison.counterpart(pair.position)
    own = _numbers(pair.model, comparison.a, pair.position, color_by)
    a = compute_architecture(comparison.a, _OUTPUT, pair.position, color_by=color_by, **own)
    explained = a.attribution or a.sweep
    target = explained.target.id if explained else None
    with in_b():
        others = _numbers(pair.other_model, comparison.b, there, color_by, target)
    b = compute_architecture(comparison.b, _OUTPUT, there, color_by=color_by, **others)
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
