"""The frame of every panel: title and reading in one line, controls, and help."""

from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts import ids


@dataclass(frozen=True)
class Help:
    """A panel's help text, shown as short paragraphs behind its "?".

    Attributes
    ----------
    how : str
        How to read the panel, in about three sentences for a newcomer.
    detail : str
        What an expert needs to know as well; empty if there is nothing.
    not_shown : str
        The wrong conclusions that the panel invites, in one or two sentences.
    """

    how: str
    not_shown: str
    detail: str = ""

    def paragraphs(self) -> list[Any]:
        """The text as HTML."""
        texts = [self.how, self.detail] if self.detail else [self.how]
        return [*map(html.P, texts), html.H3("What this does not show.", className="h6"), html.P(self.not_shown)]


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
    those behind the "⋯".
    """
    named: dict[str, Any] = {"aria-label": f"More settings of “{heading}”", "title": "More settings"}
    settings = [
        html.Details(
            [html.Summary("⋯", **named), html.Div(list(more))],
            className="panel-more pop-up",
        )
    ]
    tools = html.Div([*controls, *(settings if more else []), _help(heading, help)], className="panel-tools")
    reading = [
        html.H2(heading, id=ids.title(name)),
        html.P(id=ids.reading(name), className="panel-reading"),
        *([] if status is None else [status]),
    ]
    return html.Section(
        [
            tools,
            html.Div(reading, className="panel-line"),
            html.Div(list(children), className="panel-body"),
        ],
        id=ids.panel(name),
        className="panel",
        **{
            "data-selection": "",
            "data-drawn": "",
            "data-tab": heading,
            "aria-busy": "false",
            "aria-labelledby": ids.title(name),
            "aria-describedby": ids.reading(name),
        },
    )


def _help(heading: str, text: Help) -> html.Details:
    named: dict[str, Any] = {"aria-label": f"How to read “{heading}”", "title": "How to read this"}
    return html.Details(
        [html.Summary("?", **named), html.Div(text.paragraphs(), tabIndex=0)],  # it may scroll
        className="panel-help pop-up",
    )


def graph(name: str, *, id: str | None = None, second: bool = False, label: str) -> html.Div:
    """A figure that takes the size of its place in the panel. label: its name for screen readers.

    second: whether it is smaller than the panel's main picture, and left out where there is no room for both.
    """
    return html.Div(
        dcc.Graph(
            id=id or ids.graph(name),
            config={"displaylogo": False, "modeBarButtons": [["toImage"]]},
            clear_on_unhover=True,
            style={"height": "100%"},
        ),
        className="panel-graph second" if second else "panel-graph",
        role="group",
        **{"aria-label": label},
    )


def choice(id: str, label: str, options: dict[str, str], value: str) -> html.Div:
    """A menu of choices that say what they choose. options: the words of each value. label: for screen readers."""
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
        title=label,
    )
