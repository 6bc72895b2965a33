"""The architecture panel: the 3D scene and its controls."""

import dash_bootstrap_components as dbc
from dash import dcc, html

from layouts import ids, own_numbers
from layouts.panel import Help, panel

NAME = "architecture"
COLOR_BY = "architecture-color"
PLAY = "architecture-play"
RESET = "architecture-reset"
SPEED = "architecture-speed"

COLORINGS = {
    "attribution": "direct attribution",
    "effect": "effect of removing",
    "norm": "what each part adds",
    "entropy": "spread of attention (entropy)",
    "first": "attention on the first token",
    "induction": "induction score",
    "previous": "previous-token score",
    "duplicate": "duplicate-token score",
    "copying": "copying score",
    "own": "your own numbers (CSV) …",
    "kind": "kind of part",
}
OPENING = "attribution"

HELP = Help(
    shows=(
        "The network from left to right: in the middle the residual stream, above it the attention heads of each "
        "block, below it the MLP neurons."
    ),
    how=(
        "Colours are numbers of the selected token, on one scale for all blocks. Click a box to select it: it is "
        "outlined, and its block is framed."
    ),
    not_shown=(
        "What happens without a part: others may take its place. Nor the wiring inside the parts (queries, keys, "
        "values)."
    ),
    detail=(
        "Direct attribution is what a part adds to the logit that the panel of that name explains: blue raises it, "
        "orange lowers it. The effect of removing is that of the grid in the panel “What if”: the logit is lower "
        "without an orange part and higher without a blue one, and all tiles of a block have the colour of its whole "
        "MLP. What a part adds is the length of its vector. "
        "Head scores do not depend on your text: induction, previous token and duplicate token are measured on random "
        "tokens, repeated once, and copying on the weights alone. "
        "Both walls are read like a page: head 0 and neuron 0 are top left; each tile stands for several neighbouring "
        "neurons. Drag to turn, with Shift to move; zoom with Ctrl and the wheel, or with the wheel alone after a "
        "click. By touch, two fingers turn and zoom, and one finger turns after a tap. ←/→ move through the blocks, "
        "↑/↓ through heads as they are drawn, column by column, or through neurons by their number. The band widens "
        "with the square root of the residual stream’s length (L2 norm), relative to its largest at this token; point "
        "at it to read the number. A side of every box has the colour of the colour bar, the other sides are shaded. "
        "In GPT-J, Phi and most GPT-NeoX models, attention and MLP of a block run in parallel: both read what enters "
        "the block. In Gemma 2 and 3, OLMo 2 and 3, GLM-4 and EXAONE 4, what each of them writes passes through one "
        "more norm before it is added; the values shown are those after it. A − B colours each part of A by its number "
        "minus that of B, blue where it is larger in A and orange where it is larger in B; the band keeps A’s widths. "
        "Your own numbers come from a CSV file. Numbers of one sign have a scale from the smallest to the largest, "
        "others one with zero in the middle; grey parts have no number, and of a tile’s neurons the strongest is shown."
    ),
)


def layout() -> html.Section:
    """The scene, the choice of its colours, and the buttons to reset the view and to play through the blocks."""
    section = panel(
        NAME,
        "Architecture",
        html.Div(
            dcc.Graph(
                id=ids.graph(NAME),
                config={"displayModeBar": False},
                className="scene",
            ),
            role="img",
            **{
                "aria-label": "3D scene of the network; arrow keys move the selection",
                "aria-describedby": ids.reading(NAME),
            },
        ),
        *own_numbers.stores(),
        controls=(
            html.Label("Colour by", htmlFor=COLOR_BY, className="choice-label"),
            dbc.Select(
                id=COLOR_BY,
                options=[{"value": value, "label": label} for value, label in COLORINGS.items()],
                value=OPENING,
                size="sm",
            ),
            own_numbers.button(),
            html.Button("Reset view", id=RESET, className="quiet-button", type="button"),
            html.Button(
                "▶ Play",
                id=PLAY,
                className="quiet-button",
                type="button",
                title="Walk through the network, from the embedding through the blocks to the output",
            ),
            html.Label("Speed of the walk", htmlFor=SPEED, className="visually-hidden"),
            dbc.Select(
                id=SPEED,
                options=[{"value": speed, "label": speed} for speed in ("slow", "normal", "fast")],
                value="normal",
                size="sm",
            ),
        ),
        help=HELP,
    )
    section.tabIndex = 0
    return section
