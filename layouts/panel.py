"""The frame that every panel has: title, reading, controls, help, full screen."""

from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts import ids


@dataclass(frozen=True)
class Help:
    """How to read a picture, in about three sentences, and what it does not say."""

    how: str
    not_said: str


def panel(
    name: str, heading: str, *children: Any, help: Help, controls: tuple[Any, ...] = (), wide: bool = False
) -> html.Section:
    """A panel's root; its title and reading are filled by the callback that draws it. wide: across the whole page."""
    tools = html.Div(
        [
            html.Details(
                [
                    html.Summary("?", **{"aria-label": f"How to read “{heading}”", "title": "How to read this"}),
                    html.Div([html.P(help.how), html.P(["What it does not say: ", help.not_said])]),
                ],
                className="panel-help",
            ),
            html.Button(
                className="panel-tool full-screen",
                title="Full screen",
                **{"aria-label": f"“{heading}” in full screen", "data-fullscreen": ids.panel(name)},
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
        **{"data-selection": "", "aria-busy": "false", "aria-labelledby": ids.title(name)},
    )


def graph(name: str, *, height: int, id: str | None = None, label: str) -> html.Div:
    """A figure of fixed height, so that nothing jumps when data arrives. label: what it is, for a screen reader."""
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
    """A labelled choice of one out of a few; options: the value of each, and its words."""
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
