"""The question's first half: from the text field, or from the page's address, to an analysed prompt."""

from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update, set_props

from analysis.trace import Prompt
from callbacks.services import Services
from layouts import ids
from layouts.models import MODEL, NEWS
from layouts.shell import ANALYSE, COUNT, START, TEXT


def register(app: Dash, services: Services) -> None:
    """Write the prompt's store when a text is to be analysed; a question that cannot be met leaves it as it is."""

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
    def ask(address: Any, _clicks: Any, model: Any, start: Any, news: Any, *states: Any) -> tuple[Any, ...]:
        text, shown = states
        if ctx.triggered_id in (ANALYSE, MODEL, START):
            typed = services.prompt({"model": model, "text": text or "", "start": bool(start)})
            asked, problem = services.possible_prompt(typed, shown)
        elif ctx.triggered_id == NEWS and shown:
            typed = services.prompt(shown)
            asked, problem = services.possible_prompt(typed, shown)
        else:
            typed = None
            asked, problem = services.linked_prompt(address, shown)
        data, *controls = draw_prompt(services, asked)
        if typed:
            controls[0] = no_update  # what is in the field stays: it may be mended, or be the next text already
        data["news"] = news
        set_props(ids.NOTICE, {"is_open": bool(problem), "children": problem})
        # The same prompt again (a step back that changed the selection alone) need not be drawn anew, unless that is
        # what was asked for: a panel may have had no answer.
        return no_update if data == shown and ctx.triggered_id != ANALYSE else data, *controls


def draw_prompt(services: Services, asked: Prompt) -> tuple[Any, ...]:
    """The prompt's store with the sizes that the page's script needs, the controls that say it, and the count."""
    info, n_positions = services.sizes(asked)
    data = {"model": asked.model, "text": asked.text, "start": asked.start, "n_positions": n_positions}
    data |= {name: getattr(info, name, 0) for name in ("n_blocks", "n_heads", "n_neurons", "n_vocab")}
    count = f"{n_positions} of {min(services.max_tokens, info.max_positions)} tokens" if n_positions else ""
    return data, asked.text, asked.model, ["start"] if asked.start else [], count
