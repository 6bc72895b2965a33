"""The frame of every panel: title, reading, controls, help and the full-screen button."""

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
    name: str, heading: str, *children: Any, help: Help, controls: tuple[Any, ...] = (), wide: bool = False
) -> html.Section:
    """A panel's root element; the callback that draws the panel fills in its title and reading.

    wide: whether it spans the whole width of the page.
    """
    tools = html.Div(
        [
            html.Details(
                [
                    html.Summary("?", **{"aria-label": f"How to read “{heading}”", "title": "How to read this"}),
                    html.Div(help.paragraphs()),
                ],
                className="panel-help",
            ),
            html.Button(
                className="panel-tool full-screen",
                title="Full screen",
                **{"aria-label": f"Show “{heading}” in full screen", "data-fullscreen": ids.panel(name)},
            ),
        ],
        className="panel-tools",
    )
    return html.Section(
        [
            html.Div([html.H2(heading, id=ids.title(name)), tools], className="panel-head"),
            html.P(id=ids.reading(name), className="panel-reading"),
            *([html.Div(list(controls), className="panel-controls")] if controls else []),
            *children,
        ],
        id=ids.panel(name),
        className="panel wide" if wide else "panel",
        **{"data-selection": "", "data-drawn": "", "aria-busy": "false", "aria-labelledby": ids.title(name)},
    )


def graph(name: str, *, height: int, id: str | None = None, label: str) -> html.Div:
    """A figure of fixed height, so that nothing moves when data arrives. label: its name for screen readers."""
    return html.Div(
        dcc.Graph(
            id=id or ids.graph(name),
            config={"displaylogo": False, "modeBarButtons": [["toImage"]]},
            clear_on_unhover=True,
            style={"height": f"{height}px"},
        ),
        className="panel-graph",
        role="group",
        **{"aria-label": label},
    )


def choice(id: str, label: str, options: dict[str, str], value: str) -> html.Div:
    """A labelled group of radio buttons. options: the label of each value."""
    return html.Div(
        [
            html.Span(label, className="choice-label"),
            dbc.RadioItems(
                id=id,
                options=[{"value": key, "label": words} for key, words in options.items()],
                value=value,
                inline=True,
                className="choice",
            ),
        ],
        className="choice-row",
        role="group",
        **{"aria-label": label},
    )
