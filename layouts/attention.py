"""The attention panel."""

from dash import html

from layouts.panel import Help, choice, graph, panel

NAME = "attention"
HEADS_GRAPH = "attention-heads-graph"
VIEW = "attention-view"

HELP = Help(
    shows=(
        "Where the selected head looks: each token shares out 100% of its attention among itself and the tokens before "
        "it."
    ),
    how=(
        "Rows are the tokens that look (queries), columns those looked at (keys). Click a cell to select its row’s "
        "token, a small picture to select its head."
    ),
    not_shown="What matters for the prediction: a head may attend to a token and move little from it (value-weighted).",
    detail=(
        "In the small pictures, the arrow keys select the head beside, above or below the selected one. "
        "Many heads put much of their attention on the first token when they have nothing else to do; “without the "
        "first token” shows the rest, scaled to 100%. “Value-weighted” shows how much is really moved: the length (L2 "
        "norm) of attention weight × value × output map, which a head adds to the row’s token from the column’s token; "
        "these vectors sum to the head’s output. Rollout is a rough average over all heads, not something that "
        "any one head does. In blocks with a sliding window (Mistral, Gemma, GPT-Neo and others), the lower left of a "
        "longer text is empty. Where several heads share keys and values (grouped-query attention), each head still "
        "has its own queries and so its own attention. With more than 128 tokens, colours follow the square root of "
        "the share, the value under the mouse is read from the colour (within a tenth of itself from 0.2% on), and "
        "each cell of a small picture is the largest share in a square of tokens; with more than 256, attention is "
        "kept in half precision (3 digits). In A − B, a blue cell has more attention in A, an orange one less; where "
        "the texts before a row are not equally long, a head that spreads its attention differs a little everywhere."
    ),
)


def layout() -> html.Section:
    """The selected head as a heat map, and small heat maps of all heads of its block."""
    heads = graph(
        NAME,
        id=HEADS_GRAPH,
        second=True,
        label="Small heat maps: attention of every head of the block; arrow keys select a head",
    )
    heads.tabIndex = 0
    heads.className += " head-grid"  # `assets/selection.js` moves in it
    return panel(
        NAME,
        "Attention",
        graph(NAME, label="Heat map: attention of each token to itself and to earlier tokens"),
        heads,
        controls=(
            choice(
                VIEW,
                "Attention that is shown",
                {
                    "raw": "raw attention",
                    "without_first": "without the first token",
                    "value_weighted": "value-weighted",
                    "rollout": "rollout up to the block",
                },
                "raw",
            ),
        ),
        help=HELP,
    )
