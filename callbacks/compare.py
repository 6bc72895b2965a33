"""Callbacks of the compare bar: the second question, B, is checked and aligned with A.

The stores hold what the page's scripts need: B's prompt with its model's sizes, as the prompt's store has A's, and
which tokens stand for each other.
"""

from dataclasses import asdict
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, set_props

from analysis.trace import Prompt
from callbacks.panel import Values
from callbacks.services import Services
from layouts import compare, ids
from layouts.figures.scene import head_columns


def register(app: Dash, services: Services) -> None:
    """Register the writers of B's stores. Without a second question, the server is not asked."""
    app.clientside_callback(
        ClientsideFunction("explorer", "askForOther"),
        Output(ids.SECOND, "data"),
        Input(ids.PROMPT, "data"),
        Input(compare.TEXT, "value"),
        Input(compare.MODEL, "value"),
        prevent_initial_call=True,
    )

    @app.callback(
        {
            "other": Output(ids.OTHER, "data"),
            "alignment": Output(ids.ALIGNMENT, "data"),
            "words": Output(compare.WORDS, "children"),
        },
        Input(ids.SECOND, "data"),
        prevent_initial_call=True,
    )
    def write(second: Any) -> Values:
        return draw_comparison(services, second)

    app.clientside_callback(
        ClientsideFunction("explorer", "otherDrawn"),
        Input(ids.ALIGNMENT, "data"),
        Input(compare.SIDE, "value"),
        Input(compare.TEXT, "value"),
        Input(compare.MODEL, "value"),
        prevent_initial_call=True,
    )


def draw_comparison(services: Services, second: Any) -> dict[str, Any]:
    """B's store (`other`), the `alignment` of its tokens with A's, and `words` on it; None if there is no B.

    second: the page's store: B's prompt, and A's under "of".
    """
    if not second:
        return {"other": None, "alignment": None, "words": ""}
    first = services.prompt(second.get("of") if isinstance(second, dict) else None)
    other, problem = services.second_prompt(first, services.prompt(second))
    if other is None:
        set_props(ids.NOTICE, {"is_open": True, "children": f"B cannot be shown. {problem}"})
        return {"other": None, "alignment": None, "words": problem}
    info, n_positions = services.sizes(other)
    sizes = {name: getattr(info, name, 0) for name in ("n_blocks", "n_heads", "n_neurons", "tile_width", "n_vocab")}
    store = {
        **asdict(other),
        **sizes,
        "n_positions": n_positions,
        "n_head_columns": head_columns(info) if info else 0,
        "fixed": [],
        "opening": None,
        "of": second["of"],
    }
    if not (services.loaded(first) and services.loaded(other)):
        return {"other": store, "alignment": None, "words": "The weights of B’s model are not in memory yet."}
    alignment, words = _alignment(services, first, other)
    return {"other": store, "alignment": alignment, "words": words}


def _alignment(services: Services, first: Prompt, other: Prompt) -> tuple[dict[str, Any], str]:
    """The labels of both texts' tokens, the counterpart of each, and which differ from it; and these facts in words."""
    found = services.comparison(first, other)
    labels = {side: [token.label for token in trace.tokens] for side, trace in (("a", found.a), ("b", found.b))}
    there, here = found.aligned.tolist(), found.inverse.tolist()
    alignment = {
        "labels": labels,
        "counterparts": {"a": there, "b": here},
        "changed": {"a": found.changed, "b": [there[position] for position in found.changed]},
    }
    missing = there.count(-1), here.count(-1)
    return alignment, compare.comparison_words(found.b.n_positions, len(found.changed), missing)
