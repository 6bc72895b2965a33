"""Callback of a vocabulary search for the token that a panel explains, or subtracts."""

from functools import partial
from typing import Any

from dash import Dash, Input, Output, State

from callbacks.services import Services
from layouts import ids
from layouts.target import target_actions
from layouts.token_search import found_tokens

MOST_FOUND = 12


def register_target_search(app: Dash, services: Services, *, search: str, found: str, against: str) -> None:
    """List the tokens that contain what is typed. search, found, against: ids as for `layouts.target.target_choice`."""

    @app.callback(
        Output(found, "children"), Input(search, "value"), State(ids.PROMPT, "data"), prevent_initial_call=True
    )
    def search_vocabulary(text: Any, prompt: Any) -> list[Any]:
        if not isinstance(text, str) or not text:
            return []
        vocabulary = services.model(services.prompt(prompt)).vocabulary
        return found_tokens(vocabulary.search(text, most=MOST_FOUND), partial(target_actions, against=against))
