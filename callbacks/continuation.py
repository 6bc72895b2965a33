"""Callback of the panel “Continue”: what a job has written, the selected token's distribution, and the branches."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import urlencode

from dash import ClientsideFunction, Dash, Input, Output, State

from analysis.generation.alternatives import compute_alternatives
from analysis.generation.continuation import ContinuationResult, full_text, plan_continuation
from analysis.generation.sampling import read_number, read_sampling
from analysis.models.forward import longest_text
from analysis.models.language_model import LanguageModel
from analysis.numerics.nonfinite import unreadable
from analysis.selection import Part, Selection
from analysis.strip import compute_strip
from analysis.task import Task
from analysis.tokens import Piece
from analysis.trace import SWITCHES, Prompt, Trace, read_written
from callbacks.panel import PanelCallback, Values, panel_callback
from callbacks.services import Services
from layouts import compare, ids
from layouts.continuation import (
    BRANCHES,
    CHOICES,
    HOW,
    KEPT,
    LIVE,
    NAME,
    SEED,
    TEMPERATURE,
    TEXT,
    TOKENS,
    TOP_K,
    TOP_P,
    USUAL,
    WRITTEN,
    Branch,
    alternatives,
    branch_list,
    message,
    running_text,
)
from layouts.figures.continuation import continuation_figure, continuation_reading, written_hover, written_reading
from layouts.figures.empty import empty_figure
from layouts.figures.strip import strip_hover
from layouts.figures.tables.continuation import continuation_tables
from layouts.figures.text import quoted
from layouts.job import JobIds
from layouts.theme import THEMES

_MOST_BRANCHES = 24  # that are listed
_OF_B = "Only A’s text is continued. Show A above to go on."
_WORDS = 48  # characters of a branch's name


def register(app: Dash, services: Services) -> PanelCallback:
    """Draw the panel; make what a job has written a part of the question, and keep the branches, in the browser."""
    job = JobIds(NAME)

    def run(name: str, *arguments: Output | Input) -> None:
        app.clientside_callback(ClientsideFunction("explorer", name), *arguments, prevent_initial_call=True)

    run("keepBranches", Output(KEPT, "data"), Input(ids.PROMPT, "data"))
    run("followContinuation", Output(LIVE, "data"), Input(job.start, "data"), Input(ids.PROMPT, "data"))
    run("takeContinuation", Input(WRITTEN, "data"))
    run("continueForced", Input(job.offer, "data"))
    return panel_callback(
        NAME,
        partial(draw_continuation, services),
        tables=continuation_tables,
        outputs={
            "figure": Output(ids.graph(NAME), "figure"),
            "text": Output(TEXT, "children"),
            "choices": Output(CHOICES, "children"),
            "branches": Output(BRANCHES, "children"),
            "written": Output(WRITTEN, "data"),
        },
        choices={
            "tokens": Input(TOKENS, "value"),
            "how": Input(HOW, "value"),
            "temperature": Input(TEMPERATURE, "value"),
            "top_k": Input(TOP_K, "value"),
            "top_p": Input(TOP_P, "value"),
            "seed": Input(SEED, "value"),
            "kept": Input(KEPT, "data"),
            "side": Input(compare.SIDE, "value"),
            "live": State(LIVE, "data"),
        },
        job=True,
    )


def draw_continuation(
    services: Services,
    prompt: Prompt,
    selection: Selection,
    *,
    theme: str = "light",
    tokens: str = "20",
    how: str = "greedy",
    temperature: Any = "",
    top_k: Any = "",
    top_p: Any = "",
    seed: Any = "",
    kept: Any = None,
    side: str = "a",
    live: Any = None,
    outdated: str = "",
) -> Values:
    """Bars (`figure`), the running `text`, the alternatives (`choices`), the `branches`, what the page's job has
    `written` (for its script), title, reading, and what a job may compute (`offer`).

    kept: the branches of this text, as in its address. live: the question of the job that this page has started: only
    its tokens are shown, since others may have asked the same before. side: of a comparison; what is written belongs to
    A's text.
    """
    look = THEMES[theme]
    trace, model = services.trace(prompt), services.model(prompt)
    position = services.position(trace, selection)
    typed = {TEMPERATURE: temperature, TOP_K: top_k, TOP_P: top_p, SEED: seed}
    settings = [str(tokens), str(how), *(str(value or USUAL[id]) for id, value in typed.items())]
    sampling = read_sampling(*settings[1:])
    question = {
        "prompt": {**asdict(prompt), "written": list(prompt.written)},  # as the page sends it back
        "selection": str(Selection(Part.OUTPUT)),
        "choices": settings,
    }
    result, offer, complete, problem = _job(services, model, trace, question, follows=live == question)
    hovers = compute_strip(model, trace, derived=partial(services.derived, trace))
    new = () if result is None else zip(result.written, result.probabilities, result.ranks, strict=True)
    values: dict[str, Any] = {
        "text": [
            *running_text(
                trace.tokens,
                position,
                [strip_hover(hovers, token.position) for token in trace.tokens],
                [(piece, written_hover(piece.label, float(p), int(rank))) for piece, p, rank in new],
            ),
            *([message(problem)] if problem else []),
        ],
        "branches": branch_list(_branches(model, prompt, kept)),
        "written": None
        if result is None
        else {
            "question": question,
            "ids": [piece.id for piece in result.written],
            "complete": complete,
        },
        "title": f"Continue · position {position}, {quoted(trace.tokens[position].label)}",
        "results": {"tokens": hovers} | ({} if result is None else {NAME: result}),
        "offer": offer,
        "outdated": "false",
    }
    if position == 0 or unreadable(model.logits(trace, position - 1)):
        nothing = "The first token follows nothing." if position == 0 else "The logits before it are not finite."
        values |= {"figure": empty_figure(nothing, theme=look), "choices": [], "reading": nothing}
    else:
        drawn = compute_alternatives(model, trace, position, sampling=sampling)
        values["figure"] = continuation_figure(drawn, theme=look)
        values["choices"] = _choices(prompt, trace, position, [one.piece for one in drawn.top])
        values["reading"] = continuation_reading(drawn)
        values["results"]["alternatives"] = drawn
    if result is not None:
        values["reading"] = written_reading(result)
    if side == "b":
        values |= {"offer": None, "written": None, "choices": [message(_OF_B)], "branches": []}
    return values


def continuation_task(services: Services, question: Any) -> Task:
    """The task for a question that a page of this panel sent.

    Raises: AnalysisError for a question that is malformed.
    """
    prompt, _, (tokens, *settings) = services.asked(question, n_choices=6)
    return plan_continuation(
        services.model(prompt),
        services.trace(prompt),
        n_tokens=_count(tokens),
        sampling=read_sampling(*settings),
        max_tokens=services.max_tokens,
    )


def _job(
    services: Services, model: LanguageModel, trace: Trace, question: dict[str, Any], *, follows: bool
) -> tuple[ContinuationResult | None, dict[str, Any] | None, bool, str]:
    """What the page's job has written, the offer to write, whether that is all, and why nothing can be written.

    follows: whether the page has started this job. Whatever others have had written, the page offers to write, and
    writes nothing that nobody has asked for with a click.
    """
    if trace.n_positions >= longest_text(model, services.max_tokens):
        return None, None, False, full_text(trace.n_positions)
    tokens, *settings = question["choices"]
    task = plan_continuation(
        model, trace, n_tokens=_count(tokens), sampling=read_sampling(*settings), max_tokens=services.max_tokens
    )
    result, found = services.jobs.show(task, question)
    offer = {"seconds": None, "most": None, "refused": "", **(found or {}), "automatic": False}
    complete = "kept" in offer
    offer = {name: offer[name] for name in ("question", "seconds", "most", "refused", "automatic")}
    return (result, offer, complete, "") if follows else (None, offer, False, "")


def _count(tokens: str) -> int:
    return int(read_number("number of tokens", tokens, whole=True))


def _choices(prompt: Prompt, trace: Trace, position: int, pieces: Sequence[Piece]) -> list[Any]:
    """What the model might have written at the selected position."""
    token = trace.tokens[position]
    if token.written:
        return alternatives(token, prompt.written[: position - trace.n_positions + len(prompt.written)], pieces)
    if prompt.written:
        return [message("This token is your own. Select a written one to choose what else it could have been.")]
    return [message("Press “Continue”, and the model writes on after your text.")]


def _branches(model: LanguageModel, prompt: Prompt, kept: Any) -> list[Branch]:
    """The text alone, and the branches that the page remembers, named by what they do not have in common.

    Raises: TextError for a branch that no page can have remembered.
    """
    found = [read_written(one) for one in (kept if isinstance(kept, list) else [])[:_MOST_BRANCHES]]
    if not found:
        return []
    at_each = zip(*found, strict=False) if len(found) > 1 else ()
    n_common = next((n for n, token_ids in enumerate(at_each) if len(set(token_ids)) > 1), 0)
    switches = {name: "1" for name in SWITCHES if getattr(prompt, name)}

    def branch(written: tuple[int, ...], words: str) -> Branch:
        ids = ".".join(map(str, written))
        link = {"model": prompt.model, "text": prompt.text, **switches, **({"written": ids} if written else {})}
        return Branch(ids, words, f"#{urlencode(link)}", current=written == prompt.written)

    def words(written: tuple[int, ...]) -> str:
        labels = [model.vocabulary.piece(token_id).label for token_id in written[n_common : n_common + _WORDS]]
        text = "".join(labels).replace("·", " ")
        cut = f"{text[: _WORDS - 1]}…" if len(text) > _WORDS else text
        return f"… {cut}" if n_common > 0 else cut

    return [branch((), "the text alone"), *(branch(written, words(written)) for written in found)]
