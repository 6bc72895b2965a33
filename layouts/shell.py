"""Page shell: header, text field, notice, stores, and all panels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts import compare, export, export_menu, ids, ledger, models, open_model, own_numbers, tour, views
from layouts.document import TITLE
from layouts.examples import examples_menu
from layouts.figures.text import quoted
from layouts.glossary import glossary_dialog
from layouts.help_menu import help_menu
from layouts.lead import lead_line
from layouts.lessons import lesson_menu
from layouts.shortcuts import shortcuts_dialog
from layouts.workspace import opening_panels, visible_store, workspace

TEXT = "prompt-text"
ANALYSE = "prompt-analyse"
START = "prompt-start"
CHAT = "prompt-chat"
COUNT = "prompt-count"
THEME_BUTTON = "theme-button"


def shell(
    offers: Iterable[Any],
    panels: Sequence[tuple[str, html.Section]],
    *,
    lessons: Mapping[str, str],
    opens_models: bool = False,
    session: dict[str, Any] | None = None,
) -> html.Div:
    """The whole page.

    offers: the models; the page opens with the first. panels: each with the name of its dock, empty outside the docks.
    lessons: their titles by name. opens_models: whether the page offers to open any other model. session: title and
    views of the session that the page opens on.
    """
    offers = list(offers)
    focuses_card: dict[str, Any] = {"data-focus": "summary-panel"}
    return html.Div(
        [
            *_stores(),
            views.session_store(session),
            visible_store(opening_panels((dock, section.id.removesuffix("-panel")) for dock, section in panels)),
            html.Header(
                [
                    html.A("Skip to the selection", href="#", className="skip", **focuses_card),
                    *_header(offers, lessons, opens_models),
                ],
                className="header",
            ),
            html.Main(
                [
                    views.bar(),
                    compare.bar(offers),
                    models.bar(),
                    dbc.Alert(id=ids.NOTICE, is_open=False, dismissable=True, color="warning", className="notice"),
                    *(section for dock, section in panels if not dock),
                    lead_line(),
                    html.Div(id=ids.STATUS, role="status", className="visually-hidden"),
                    workspace((dock, section) for dock, section in panels if dock),
                ]
            ),
            tour.card(),
            glossary_dialog(),
            shortcuts_dialog(),
            ledger.dialog(),
            export.tables_dialog(),
            own_numbers.dialog(),
            *([open_model.dialog()] if opens_models else []),
        ],
        className="page",
    )


def _stores() -> list[Any]:
    return [
        dcc.Store(id=ids.ADDRESS),
        dcc.Store(id=ids.PROMPT),
        dcc.Store(id=ids.TYPED),
        dcc.Store(id=ids.COUNTED),
        dcc.Store(id=ids.SELECTION),
        dcc.Store(id=ids.CLICKED),
        dcc.Store(id=ids.THEME),
    ]


def _header(offers: Iterable[Any], lessons: Mapping[str, str], opens_models: bool) -> list[Any]:
    theme: dict[str, Any] = {"aria-label": "Switch between the light and the dark theme"}
    return [
        html.H1(_title()),
        html.Label("Model", htmlFor=models.MODEL, className="visually-hidden"),
        models.choice(offers, opens_models=opens_models),
        _prompt(),
        compare.button(),
        lesson_menu(lessons),
        views.menu(),
        export_menu.menu(),
        ledger.button(),
        help_menu(),
        html.Button("◐", id=THEME_BUTTON, className="quiet-button", title="Switch theme", **theme),
    ]


def _title() -> list[Any]:
    """The page's title, whose middle word has no room on a phone."""
    before, middle, after = TITLE.split(" ")
    return [f"{before} ", html.Span(f"{middle} "), after]


def _prompt() -> html.Form:
    label: dict[str, Any] = {"aria-label": "Text"}
    more: dict[str, Any] = {"aria-label": "More settings of the text", "title": "More settings"}
    return html.Form(
        [
            html.Label("Text to analyse", htmlFor=TEXT, className="visually-hidden"),
            html.Div(
                dbc.Textarea(
                    id=TEXT, rows=1, spellcheck=False, placeholder="Type a sentence", className="question-text"
                ),
                className="question-field",
            ),
            html.Div(
                [
                    html.Span(id=COUNT, className="question-count"),
                    dbc.Button("Analyse", id=ANALYSE, color="primary", size="sm", type="button"),
                    examples_menu(),
                    html.Details(
                        [
                            html.Summary("⋯", **more),
                            html.Div([_switch(START, start_option(None)), _switch(CHAT, chat_option(offered=False))]),
                        ],
                        className="pop-up question-more",
                    ),
                ],
                className="question-tools",
            ),
        ],
        className="question",
        role="search",
        **label,
    )


def _switch(id: str, option: dict[str, Any]) -> dbc.Checklist:
    return dbc.Checklist(id=id, options=[option], value=[], switch=True)


def start_option(token: str | None, *, fixed: bool = False) -> dict[str, Any]:
    """The switch that puts the start token first. token: its label; None if the model has none, or is not known yet.

    fixed: whether every text begins with it anyway.
    """
    label = f"Start with {quoted(token)}" if token else "Start with the model’s start token"
    if fixed:
        label += " (always added for this model)"
    return {"value": "start", "label": label, "disabled": fixed or token is None}


def chat_option(*, offered: bool) -> dict[str, Any]:
    """The switch that puts the text into the chat template. offered: whether the model has one."""
    label = "As a chat message" if offered else "As a chat message (this model has no chat template)"
    return {"value": "chat", "label": label, "disabled": not offered}
