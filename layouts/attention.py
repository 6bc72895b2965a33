"""The attention panel."""

from dash import html

from layouts.panel import Help, choice, graph, panel

NAME = "attention"
HEADS_GRAPH = "attention-heads-graph"
VIEW = "attention-view"

HELP = Help(
    how=(
        "Each row is a token that looks (query), each column a token looked at (key); a row's shares sum to 100 %. "
        "Tokens look at themselves and back, so the upper right is empty. Many heads put most of their attention on "
        "the first token when they have nothing to do: “without the first token” shows the rest, scaled to 100 %. "
        "In blocks with a sliding window (Mistral, Gemma, GPT-Neo and others) the lower left is empty, too, in longer "
        "texts. Where several heads share keys and values (grouped-query attention), each still has queries, and so an "
        "attention, of its own. "
        "With more than 128 tokens colours follow the square root; the value under the mouse is that of its colour, "
        "right to a tenth of itself from 0.2 % on; small pictures show the most in each square of tokens. With more "
        "than 256 tokens attention is kept in half precision, right to 3 digits."
    ),
    not_said=(
        "that what is looked at matters for the prediction. A head may look at a token and move nothing of weight "
        "from it. Rollout is a rough average over heads, not what any one head does."
    ),
)


def layout() -> html.Section:
    """The selected head as a heat map, and all heads of its block."""
    return panel(
        NAME,
        "Attention",
        graph(NAME, height=330, label="Heat map of attention from each token to itself and each earlier token"),
        graph(NAME, id=HEADS_GRAPH, height=130, label="Small heat maps of all heads of the block"),
        controls=(
            choice(VIEW, "Show", {"raw": "raw", "without_first": "without first token", "rollout": "rollout"}, "raw"),
        ),
        help=HELP,
    )
