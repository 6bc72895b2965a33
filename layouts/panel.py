"""The frame of every panel: title and reading in one line, controls, and help."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts import ids
from layouts.export import saving
from layouts.glossary import term_id, terms_in, word_list
from layouts.static_parts import static


@dataclass(frozen=True)
class Help:
    """A panel's help text: three short lines behind its "?", and the rest behind "More".

    Attributes
    ----------
    shows : str
        What the panel shows.
    how : str
        How to read it, and what a click does.
    not_shown : str
        What it does not show: the wrong conclusion that it invites.
    detail : str
        What an expert needs to know as well; empty if there is nothing.
    """

    shows: str
    how: str
    not_shown: str
    detail: str = ""

    def lines(self) -> list[html.P]:
        """The three lines, each behind its question."""
        named = {"What it shows": self.shows, "How to read it": self.how, "What it does not show": self.not_shown}
        return [html.P([html.Strong(f"{name}. "), text]) for name, text in named.items()]


def panel(
    name: str,
    heading: str,
    *children: Any,
    help: Help,
    status: Any = None,
    controls: tuple[Any, ...] = (),
    more: tuple[Any, ...] = (),
) -> html.Section:
    """A panel's root element; the callback that draws the panel fills in its title and reading.

    status: shown at the end of the reading's line, such as a job bar. controls: those that are always visible. more:
    those behind the "⋯", where the entries that save the panel come after them.
    """
    words = "More settings, and saving" if more else "Save"
    named: dict[str, Any] = {"aria-label": f"{words}: “{heading}”", "title": words}
    menu = html.Details(
        [html.Summary("⋯", **named), html.Div([*more, saving(name, heading)])], className="panel-more pop-up"
    )
    tools = html.Div([*controls, menu, _help(name, heading, help, (*controls, *more))], className="panel-tools")
    reading = [
        html.H2(heading, id=ids.title(name)),
        html.P(id=ids.reading(name), className="panel-reading"),
        *([] if status is None else [status]),
    ]
    return html.Section(
        [
            tools,
            html.Div(reading, className="panel-line"),
            html.Div(list(children), className=_body_class(children)),
        ],
        id=ids.panel(name),
        className="panel",
        **{
            "data-selection": "",
            "data-drawn": "",
            "data-tab": heading,
            "data-term": next(map(term_id, terms_in(heading)), ""),
            "aria-busy": "false",
            "aria-labelledby": ids.title(name),
            "aria-describedby": ids.reading(name),
        },
    )


def _body_class(children: Iterable[Any]) -> str:
    """CSS class of a panel's body, which names what stands beside the main picture.

    The style sheets could find that out by `:has`, but then the browser would match all elements of the page again
    whenever one is added: 15 ms for each label that Plotly measures.
    """
    names = {name for child in children for name in str(getattr(child, "className", "")).split()}
    return " ".join(["panel-body", *(f"with-{name}" for name in ("second", "panel-beside") if name in names)])


def _help(name: str, heading: str, text: Help, controls: Iterable[Any]) -> html.Details:
    """The pop-up behind the "?". The terms of the whole panel, those of its menus too, are explained at its end."""
    named: dict[str, Any] = {"aria-label": f"How to read “{heading}”", "title": "How to read this"}
    words = " ".join([heading, text.shows, text.how, text.not_shown, text.detail, *_entries(controls)])
    more = [html.P(text.detail)] if text.detail else []
    if terms_in(words):
        more += [html.P("Words", className="words-heading"), word_list(words)]
    rest = [html.Details([html.Summary("More"), *more], className="panel-help-more")] if more else []
    body = html.Div([*text.lines(), *rest], tabIndex=0, **static(f"help-{name}"))  # it may scroll
    return html.Details([html.Summary("?", **named), body], className="panel-help pop-up")


def _entries(controls: Iterable[Any]) -> list[str]:
    """The entries of all menus among controls."""
    parts = [part for control in controls for part in [control, *control._traverse()]]
    return [option["label"] for part in parts for option in getattr(part, "options", [])]


def graph(name: str, *, id: str | None = None, second: bool = False, label: str) -> html.Div:
    """A figure that takes the size of its place in the panel. label: its name for screen readers.

    second: whether it is smaller than the panel's main picture, and left out where there is no room for both.
    """
    return html.Div(
        dcc.Graph(
            id=id or ids.graph(name),
            config={"displayModeBar": False},
            clear_on_unhover=True,
            style={"height": "100%"},
        ),
        className="panel-graph second" if second else "panel-graph",
        role="img",  # its texts make sense by their places only; the reading and the tables say it in words
        **{"aria-label": label, "aria-describedby": ids.reading(name)},
    )


def choice(id: str, label: str, options: dict[str, str], value: str) -> html.Div:
    """A menu of choices that say what they choose. options: the words of each value. label: for screen readers.

    The terms of the chosen entry are explained like those of a text; `data-terms` has their ids by value.
    """
    terms = {key: [term_id(term) for term in terms_in(words)] for key, words in options.items()}
    return html.Div(
        [
            html.Label(label, htmlFor=id, className="visually-hidden"),
            dbc.Select(
                id=id,
                options=[{"value": key, "label": words} for key, words in options.items()],
                value=value,
                size="sm",
            ),
        ],
        className="choice",
        **{"data-label": label, "data-terms": json.dumps(terms, ensure_ascii=False)},
    )
