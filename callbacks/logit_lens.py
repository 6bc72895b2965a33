"""Callback of the logit lens panel: draws the heat map once per text; a click only moves its mark."""

from dataclasses import asdict
from functools import partial
from typing import Any

from dash import Dash, Input, Output, Patch, State

from analysis.comparison.logit_lens import (
    compute_lens_cells_difference,
    compute_logit_lens_difference,
    plan_logit_lens_difference,
)
from analysis.comparison.pair import Comparison
from analysis.errors import AnalysisError
from analysis.logit_lens import compute_lens_cells, compute_logit_lens, followed_pieces, pinned_ids, plan_logit_lens
from analysis.selection import Part, Selection
from analysis.task import Task
from analysis.trace import SWITCHES, Prompt, Trace
from callbacks.panel import PanelCallback, Values, digest, panel_callback
from callbacks.services import Services
from callbacks.target import MOST_FOUND
from layouts import ids
from layouts.figures.comparison.logit_lens import (
    logit_lens_difference_depth_figure,
    logit_lens_difference_figure,
    logit_lens_difference_mark,
    logit_lens_difference_reading,
)
from layouts.figures.empty import empty_figure
from layouts.figures.logit_lens import (
    logit_lens_depth_figure,
    logit_lens_figure,
    logit_lens_mark,
    logit_lens_reading,
)
from layouts.figures.tables.logit_lens import logit_lens_tables
from layouts.figures.text import quoted
from layouts.logit_lens import (
    CELLS,
    DEPTH_GRAPH,
    FOUND,
    NAME,
    PINNED,
    PINS,
    RANK_GRAPH,
    SEARCH,
    followed_tokens,
    pin_actions,
)
from layouts.theme import THEMES, Theme
from layouts.token_search import found_tokens


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel for a prompt, a selection and pinned tokens; search the vocabulary."""

    @app.callback(
        Output(FOUND, "children"),
        Input(SEARCH, "value"),
        Input(PINS, "value"),  # the results' buttons depend on it
        State(ids.PROMPT, "data"),
        prevent_initial_call=True,
    )
    def search(text: Any, pins: Any, prompt: Any) -> list[Any]:
        if not isinstance(text, str) or not text:
            return []
        vocabulary = services.model(services.prompt(prompt)).vocabulary
        pinned = pinned_ids(str(pins or ""))
        return found_tokens(vocabulary.search(text, most=MOST_FOUND), partial(pin_actions, pins=pinned))

    return panel_callback(
        NAME,
        partial(draw_logit_lens, services),
        tables=logit_lens_tables,
        difference=partial(draw_logit_lens_difference, services),
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "shown": Output(CELLS, "data-shown"),
            "probabilities": Output(DEPTH_GRAPH, "figure"),
            "ranks": Output(RANK_GRAPH, "figure"),
            "followed": Output(PINNED, "children"),
        },
        choices={"pins": Input(PINS, "value")},
        state={"shown": State(CELLS, "data-shown")},
        job=True,
    )


def draw_logit_lens(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    pins: str | None = "",
    shown: str = "",
    outdated: str = "",
) -> Values:
    """Heat map (`figure`), followed tokens with their `probabilities` and `ranks`, title, reading, what a job may
    compute (`offer`), and whether the plots are outdated.

    pins: token ids as text. shown: the last `shown`, which names the heat map that the page has; of the same one only
    the mark is sent. outdated: empty while the page has no plots; those of an earlier text stay until there are new
    ones.
    """
    look = THEMES[theme]
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    pinned = pinned_ids(pins or "")
    task = plan_logit_lens(model, trace)
    derived = partial(services.derived, trace)
    if task is None:
        cells, offer = compute_lens_cells(model, trace, derived=derived), None
    else:
        cells, offer = services.jobs.show(task, _question(prompt))
    shared = {
        "followed": followed_tokens(followed_pieces(model, trace, position, pinned), pinned=bool(pinned)),
        "title": f"Logit lens · position {position}, {quoted(trace.tokens[position].label)}",
        "offer": offer,
    }
    if cells is None:
        values = {**shared, "reading": "Not computed for this text yet: it is computed in the background."}
        return {**values, "outdated": "true"} if outdated else {**values, **_nothing("Not computed yet.", look)}
    result = compute_logit_lens(model, trace, cells, selection, position, pins=pinned, derived=derived)
    cells_shown = _digest(trace, theme)
    if shown == cells_shown:
        figure: Any = Patch()
        figure["layout"]["shapes"] = [logit_lens_mark(result, theme=look)]
    else:
        figure = logit_lens_figure(result, theme=look)
    return {
        **shared,
        "figure": figure,
        "shown": cells_shown,
        "probabilities": logit_lens_depth_figure(result, quantity="probability", theme=look),
        "ranks": logit_lens_depth_figure(result, quantity="rank", theme=look),
        "reading": logit_lens_reading(result),
        "results": {NAME: result},
        "outdated": "false",
    }


def draw_logit_lens_difference(
    services: Services,
    comparison: Comparison,
    selection: Selection,
    *,
    theme: str = "light",
    pins: str | None = "",
    shown: str = "",
    outdated: str = "",
) -> Values:
    """The same values for A minus B: divergences as the heat map, and for each followed token a line of A and of B."""
    look, a, b = THEMES[theme], comparison.a, comparison.b
    model, other_model = services.model(a.prompt), services.model(b.prompt)
    position, pinned = services.position(a, selection), pinned_ids(pins or "")
    derived = partial(services.derived, a)
    shared: dict[str, Any] = {
        "followed": followed_tokens(followed_pieces(model, a, position, pinned), pinned=bool(pinned)),
        "title": f"Logit lens · A − B · position {position}, {quoted(a.tokens[position].label)}",
    }
    if problem := comparison.other_vocabulary():
        return {**shared, **_nothing("Not compared.", look), "reading": problem, "offer": None}
    task = plan_logit_lens_difference(comparison, model, other_model)
    if task is None:
        cells, offer = compute_lens_cells_difference(comparison, model, other_model, derived=derived), None
    else:
        cells, offer = services.jobs.show(task, _question(a.prompt, b.prompt))
    shared["offer"] = offer
    if cells is None:
        values = {**shared, "reading": "Not computed for these texts yet: it is computed in the background."}
        return {**values, "outdated": "true"} if outdated else {**values, **_nothing("Not computed yet.", look)}
    result = compute_logit_lens_difference(
        comparison, model, other_model, cells, selection, position=position, pins=pinned, derived=derived
    )
    cells_shown = _digest(a, theme, b)
    if shown == cells_shown:
        figure: Any = Patch()
        figure["layout"]["shapes"] = [logit_lens_difference_mark(result, theme=look)]
    else:
        figure = logit_lens_difference_figure(result, theme=look)
    return {
        **shared,
        "figure": figure,
        "shown": cells_shown,
        "probabilities": logit_lens_difference_depth_figure(result, quantity="probability", theme=look),
        "ranks": logit_lens_difference_depth_figure(result, quantity="rank", theme=look),
        "reading": logit_lens_difference_reading(result),
        "results": {"difference": result},
        "outdated": "false",
    }


def logit_lens_task(services: Services, question: Any) -> Task:
    """What a question of this panel asks to be computed: of one text, or of a text and another, B.

    Raises: AnalysisError for a question that is malformed, or needs no job.
    """
    prompt, _selection, (other_model, text, switches) = services.asked(question, n_choices=3)
    model = services.model(prompt)
    if other_model:
        switched = {name: name in switches.split() for name in SWITCHES}
        b, _ = services.question({"model": other_model, "text": text, **switched}, str(Selection(Part.OUTPUT)))
        task = plan_logit_lens_difference(services.comparison(prompt, b), model, services.model(b))
    else:
        task = plan_logit_lens(model, services.trace(prompt))
    if task is None:
        raise AnalysisError("This logit lens needs no job: it is drawn at once. Reload the page.")
    return task


def _question(prompt: Prompt, other: Prompt | None = None) -> dict[str, Any]:
    """A job's question. The cells do not depend on the selection, so that a click asks nothing new."""
    choices = ["", "", ""]
    if other is not None:
        choices = [other.model, other.text, " ".join(name for name in SWITCHES if getattr(other, name))]
    return {"prompt": asdict(prompt), "selection": str(Selection(Part.OUTPUT)), "choices": choices}


def _nothing(words: str, look: Theme) -> dict[str, Any]:
    """The panel without plots."""
    none = empty_figure(words, theme=look)
    return {"figure": none, "shown": "", "probabilities": none, "ranks": none, "outdated": ""}


def _digest(trace: Trace, theme: str, *others: Trace) -> str:
    """Digest of all that the heat map depends on besides the mark. others: B, if it is of A minus B."""
    return digest([(one.info.fingerprint, one.prompt) for one in (trace, *others)], theme)
