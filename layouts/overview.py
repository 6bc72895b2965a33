"""The overview panel: the 3D scene's numbers in 2D."""

from dash import dcc, html

from layouts import own_numbers
from layouts.architecture import COLORINGS, OPENING
from layouts.panel import Help, choice, graph, panel

NAME = "overview"
COLOR = "overview-color"
WALL = "overview-wall"  # [columns, aspect] of heads that have room for their attention, or None; assets/overview.js

HELP = Help(
    shows=(
        "The numbers of the 3D scene as a grid: a column for each block, with a cell for each head and for each tile "
        "of neurons."
    ),
    how=(
        "Heads are above the residual stream, head 0 on top; tiles are below it. Point at a cell to read its number at "
        "the selected token; click it to select it."
    ),
    not_shown=(
        "What matters: a later part may cancel what an earlier one adds. And neighbours have nothing in common: head 3 "
        "of one block is no relative of head 3 of the next."
    ),
    detail=(
        "Where there is room, as in the enlarged panel, each head’s cell also shows its attention for the whole text, "
        "small, with queries down and keys across, in the attention panel’s colours; in texts of more than 24 tokens, "
        "or of fewer in a model with many heads, a cell of that attention is the largest weight in a square of tokens. "
        "The selected part is outlined, its block is framed. A click selects a head, or the strongest neuron of a "
        "tile, or an end of the network. ←/→ move through the blocks, ↑/↓ through heads as they are drawn, column by "
        "column, or through neurons. The colours are those of the 3D scene: both panels have the same menu. In A − B, "
        "the rank in the sentence above goes by the size of the difference, and the small pictures are differences of "
        "attention."
    ),
)


def layout() -> html.Section:
    """The grid, the choice of its colours, and a note for browsers in which it replaces the 3D scene."""
    section = panel(
        NAME,
        "Overview",
        html.P(
            "This browser does not support WebGL: here are the 3D scene’s numbers in 2D.",
            className="webgl-note",
        ),
        graph(NAME, label="Grid of all heads and MLP tiles of all blocks; arrow keys move the selection"),
        dcc.Store(id=WALL),
        controls=(choice(COLOR, "Colour by", COLORINGS, OPENING), own_numbers.button()),
        help=HELP,
    )
    section.tabIndex = 0
    return section
