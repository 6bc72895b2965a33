"""The prompt: read from the text field or the page's address, checked, and written to its store; and the number of its
tokens while it is typed.
"""

from dataclasses import asdict
from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update, set_props

from analysis.attention import find_opening
from analysis.causes.findings import compute_findings
from analysis.models.chat import has_template
from analysis.models.forward import fixed_start
from analysis.trace import SWITCHES, Prompt
from callbacks.panel import Values
from callbacks.services import Services
from layouts import ids
from layouts.figures.scene import head_columns
from layouts.lead import FINDINGS, WHAT_TO_DO, finding_sentences, opening_words
from layouts.models import MODEL, NEWS
from layouts.shell import ANALYSE, CHAT, COUNT, START, TEXT, chat_option, start_option


def register(app: Dash, services: Services) -> None:
    """Register the writer of the prompt's store, and the counter of tokens.

    A prompt that cannot be analysed leaves the store unchanged.
    """

    @app.callback(
        {
            "prompt": Output(ids.PROMPT, "data"),
            "text": Output(TEXT, "value"),
            "model": Output(MODEL, "value"),
            "start": Output(START, "value"),
            "start_options": Output(START, "options"),
            "chat": Output(CHAT, "value"),
            "chat_options": Output(CHAT, "options"),
            "findings": Output(FINDINGS, "children"),
            "hides_what_to_do": Output(WHAT_TO_DO, "hidden"),
        },
        Input(ids.ADDRESS, "data"),
        Input(ANALYSE, "n_clicks"),
        Input(MODEL, "value"),
        Input(START, "value"),
        Input(CHAT, "value"),
        Input(NEWS, "data"),
        State(TEXT, "value"),
        State(ids.PROMPT, "data"),
        running=[(Output(ANALYSE, "disabled"), True, False)],
    )
    def write(address: Any, _clicks: Any, model: Any, start: Any, chat: Any, news: Any, *states: Any) -> Values:
        text, shown = states
        is_link = False
        if ctx.triggered_id in (ANALYSE, MODEL, START, CHAT):
            switches = {"start": bool(start), "chat": bool(chat), **_unchanged(services, shown)}
            # Without what was written after the text that is shown: it belongs to that text and model.
            typed = services.prompt({"model": model, "text": text or "", **switches})
            prompt, problem = services.possible_prompt(typed, shown)
        elif ctx.triggered_id == NEWS and shown:
            prompt, problem = services.possible_prompt(services.prompt(shown), shown)
        else:
            is_link = True
            prompt, problem = services.linked_prompt(address, shown)
        values = draw_prompt(services, prompt)
        if not is_link:
            values["text"] = no_update  # the visitor may be correcting the text, or typing the next one
        values["prompt"]["news"] = news
        set_props(ids.NOTICE, {"is_open": bool(problem), "children": problem})
        # An unchanged prompt (a step back in the history that changes the selection alone) redraws nothing. "Analyse"
        # redraws in any case, since a panel's last request may have failed.
        if values["prompt"] == shown and ctx.triggered_id != ANALYSE:
            values["prompt"] = no_update
        return values

    @app.callback(Output(ids.COUNTED, "data"), Input(ids.TYPED, "data"), prevent_initial_call=True)
    def count(typed: Any) -> Values:
        return count_typed(services, typed)

    app.clientside_callback(
        ClientsideFunction("explorer", "showCount"),
        Output(COUNT, "children"),
        Input(TEXT, "value"),
        Input(ids.PROMPT, "data"),
        Input(ids.COUNTED, "data"),
        prevent_initial_call=True,
    )


def draw_prompt(services: Services, prompt: Prompt) -> dict[str, Any]:
    """The store (`prompt`), with what the page's scripts need, the values of the controls, and the `findings` in words.

    The scripts need the model's sizes, the `fingerprint` of its weights (empty while they are not in memory), the most
    tokens that are read (`most`), the switches that cannot be changed (`fixed`), and the `opening` selection with its
    words, which is None for a short text and while the weights are not in memory.
    """
    info, n_positions = services.sizes(prompt)
    trace = services.trace(prompt) if n_positions else None
    opening = find_opening(trace) if trace else None
    findings = (
        compute_findings(services.model(prompt), trace, derived=partial(services.derived, trace)) if trace else ()
    )
    data = {**asdict(prompt), "written": list(prompt.written), "n_positions": n_positions}  # as the page sends it back
    data |= {name: getattr(info, name, 0) for name in ("n_blocks", "n_heads", "n_neurons", "tile_width", "n_vocab")}
    data["fingerprint"] = trace.info.fingerprint if trace else ""
    data["n_head_columns"] = head_columns(info) if info else 0  # of the 3D scene: ↑ and ↓ move along them
    switches, fixed = _switches(services, prompt) if n_positions else ({}, [])
    return {
        "prompt": data
        | {
            "fixed": fixed,
            "most": min(services.max_tokens, info.max_positions) if info else services.max_tokens,
            "opening": opening_words(opening, findings) if opening else None,
        },
        "findings": finding_sentences(findings),
        "hides_what_to_do": len(findings) > 1,
        "text": prompt.text,
        "model": prompt.model,
        "start": ["start"] if prompt.start else [],
        "start_options": [start_option(None)],
        "chat": ["chat"] if prompt.chat else [],
        "chat_options": [chat_option(offered=False)],
        **switches,
    }


def _unchanged(services: Services, shown: Any) -> dict[str, bool]:
    """The switches that the model decides, not the visitor, as they were asked for: they show something else."""
    fixed = shown.get("fixed") if isinstance(shown, dict) else None
    if not isinstance(fixed, list):
        return {}
    before = services.prompt(shown)
    return {name: getattr(before, name) for name in SWITCHES if name in fixed}


def _switches(services: Services, prompt: Prompt) -> tuple[dict[str, Any], list[str]]:
    """The switches' states and words for a model in memory, and the names of those that cannot be changed."""
    model = services.model(prompt)
    token = None if model.start_id is None else model.vocabulary.piece(model.start_id).label
    always, offered = fixed_start(model, chat=prompt.chat), has_template(model.tokenizer)
    values: dict[str, Any] = {
        "start_options": [start_option(token, fixed=always and token is not None)],
        "chat_options": [chat_option(offered=offered)],
    }
    if always and token is not None:
        values["start"] = ["start"]
    return values, [name for name, fixed in (("start", always), ("chat", not offered)) if fixed]


def count_typed(services: Services, typed: Any) -> dict[str, Any]:
    """The number of tokens of a text that is being typed, or the `problem` with it, under the number of its edit."""
    prompt = services.prompt(typed)
    n_tokens, problem = services.n_tokens(prompt)
    return {"edit": typed.get("edit"), "n_tokens": n_tokens, "problem": problem}
