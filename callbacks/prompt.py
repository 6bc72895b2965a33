"""The prompt: read from the text field or the page's address, checked, and written to its store."""

from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update, set_props

from analysis.trace import Prompt
from callbacks.services import Services
from layouts import ids
from layouts.models import MODEL, NEWS
from layouts.shell import ANALYSE, COUNT, START, TEXT


def register(app: Dash, services: Services) -> None:
    """Register the writer of the prompt's store. A prompt that cannot be analysed leaves the store unchanged."""

    @app.callback(
        Output(ids.PROMPT, "data"),
        Output(TEXT, "value"),
        Output(MODEL, "value"),
        Output(START, "value"),
        Output(COUNT, "children"),
        Input(ids.ADDRESS, "data"),
        Input(ANALYSE, "n_clicks"),
        Input(MODEL, "value"),
        Input(START, "value"),
        Input(NEWS, "data"),
        State(TEXT, "value"),
        State(ids.PROMPT, "data"),
        running=[(Output(ANALYSE, "disabled"), True, False)],
    )
    def write(address: Any, _clicks: Any, model: Any, start: Any, news: Any, *states: Any) -> tuple[Any, ...]:
        text, shown = states
        is_link = False
        if ctx.triggered_id in (ANALYSE, MODEL, START):
            typed = services.prompt({"model": model, "text": text or "", "start": bool(start)})
            prompt, problem = services.possible_prompt(typed, shown)
        elif ctx.triggered_id == NEWS and shown:
            prompt, problem = services.possible_prompt(services.prompt(shown), shown)
        else:
            is_link = True
            prompt, problem = services.linked_prompt(address, shown)
        data, *controls = draw_prompt(services, prompt)
        if not is_link:
            controls[0] = no_update  # the visitor may be correcting the text, or typing the next one
        data["news"] = news
        set_props(ids.NOTICE, {"is_open": bool(problem), "children": problem})
        # An unchanged prompt (a step back in the history that changes the selection alone) redraws nothing. "Analyse"
        # redraws in any case, since a panel's last request may have failed.
        return no_update if data == shown and ctx.triggered_id != ANALYSE else data, *controls


def draw_prompt(services: Services, prompt: Prompt) -> tuple[Any, ...]:
    """The store, with the sizes that the page's scripts need; the values of the controls; and the token count."""
    info, n_positions = services.sizes(prompt)
    data = {"model": prompt.model, "text": prompt.text, "start": prompt.start, "n_positions": n_positions}
    data |= {name: getattr(info, name, 0) for name in ("n_blocks", "n_heads", "n_neurons", "n_vocab")}
    count = f"{n_positions} of {min(services.max_tokens, info.max_positions)} tokens" if n_positions else ""
    return data, prompt.text, prompt.model, ["start"] if prompt.start else [], count
