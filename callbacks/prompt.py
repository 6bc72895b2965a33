"""The prompt: read from the text field or the page's address, checked, and written to its store."""

from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update, set_props

from analysis.trace import Prompt
from callbacks.panel import Values
from callbacks.services import Services
from layouts import ids
from layouts.figures.scene import head_columns
from layouts.models import MODEL, NEWS
from layouts.shell import ANALYSE, COUNT, START, TEXT


def register(app: Dash, services: Services) -> None:
    """Register the writer of the prompt's store. A prompt that cannot be analysed leaves the store unchanged."""

    @app.callback(
        {
            "prompt": Output(ids.PROMPT, "data"),
            "text": Output(TEXT, "value"),
            "model": Output(MODEL, "value"),
            "start": Output(START, "value"),
            "count": Output(COUNT, "children"),
        },
        Input(ids.ADDRESS, "data"),
        Input(ANALYSE, "n_clicks"),
        Input(MODEL, "value"),
        Input(START, "value"),
        Input(NEWS, "data"),
        State(TEXT, "value"),
        State(ids.PROMPT, "data"),
        running=[(Output(ANALYSE, "disabled"), True, False)],
    )
    def write(address: Any, _clicks: Any, model: Any, start: Any, news: Any, *states: Any) -> Values:
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


def draw_prompt(services: Services, prompt: Prompt) -> dict[str, Any]:
    """The store (`prompt`), with the sizes that the page's scripts need; the values of the controls; and the count."""
    info, n_positions = services.sizes(prompt)
    data = {"model": prompt.model, "text": prompt.text, "start": prompt.start, "n_positions": n_positions}
    data |= {name: getattr(info, name, 0) for name in ("n_blocks", "n_heads", "n_neurons", "n_vocab")}
    data["n_head_columns"] = head_columns(info) if info else 0  # of the 3D scene: ↑ and ↓ move along them
    most = min(services.max_tokens, info.max_positions) if info else services.max_tokens
    return {
        "prompt": data,
        "text": prompt.text,
        "model": prompt.model,
        "start": ["start"] if prompt.start else [],
        "count": f"{n_positions} of {most} tokens" if n_positions else "",
    }
