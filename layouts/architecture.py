"""The architecture panel: the 3D scene and its controls."""

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts import ids
from layouts.panel import Help, panel

NAME = "architecture"
COLOR_BY = "architecture-color"
PLAY = "architecture-play"
RESET = "architecture-reset"
TIP = "architecture-tip"

HELP = Help(
    how=(
        "Depth runs from left to right: token embedding, blocks, final norm, output. The line in the middle is the "
        "residual stream; each block reads it and adds to it, first with its attention heads (the wall above) and then "
        "with its MLP neurons (the wall below, several neurons a tile). Colours are the values of the chosen token; "
        "drag to turn, scroll to zoom, click to select; arrow keys move block (←/→) and head or neuron (↑/↓)."
    ),
    not_said=(
        "how the parts are wired inside (queries, keys, values, the two maps of the MLP), or that a large value is an "
        "important one: a later part may cancel what an earlier one adds. In GPT-J, Phi and most GPT-NeoX models "
        "attention and MLP of a block work side by side: both read what enters the block. In Gemma 2 and 3 what each "
        "of them writes is normed before it is added; the norms shown are those of what is added."
    ),
)


def layout() -> html.Section:
    """The scene, its colouring, and the walk through the blocks."""
    section = panel(
        NAME,
        "Architecture",
        html.P(
            "This browser does not offer WebGL, so the 3D scene cannot be drawn. Everything can be selected with the "
            "arrow keys and the controls of the selection card.",
            className="webgl-note",
        ),
        html.Div(
            dcc.Graph(
                id=ids.graph(NAME),
                config={"displaylogo": False, "modeBarButtons": [["toImage"]], "scrollZoom": True},
                clear_on_unhover=True,
                className="scene",
            ),
            role="group",
            **{"aria-label": "3D picture of the network; arrow keys move through it"},
        ),
        html.Div(id=TIP, className="scene-tip", **{"aria-hidden": "true"}),
        controls=(
            html.Label("Colour by", htmlFor=COLOR_BY, className="choice-label"),
            dbc.Select(
                id=COLOR_BY,
                options=[
                    {"value": "norm", "label": "activation norm"},
                    {"value": "entropy", "label": "attention entropy"},
                    {"value": "first", "label": "attention on the first token"},
                    {"value": "kind", "label": "kind of part"},
                ],
                value="norm",
                size="sm",
            ),
            html.Button("Reset view", id=RESET, className="quiet-button", type="button"),
            html.Button("▶ Play through the blocks", id=PLAY, className="quiet-button", type="button"),
        ),
        help=HELP,
    )
    section.tabIndex = 0
    return section
