"""The embeddings panel."""

from dash import html

from layouts.job import job_bar, picture
from layouts.panel import Help, choice, graph, panel

NAME = "embedding"
METHOD = "embedding-method"
DIMENSIONS = "embedding-dimensions"
SCALE = "embedding-scale"
PATHS = "embedding-paths"

HELP = Help(
    shows=(
        "Each token as a point: its vector in the residual stream at the selected block, projected to two or three "
        "dimensions."
    ),
    how=(
        "Colours run from the first position to the last. With PCA, the line is the selected token’s path through the "
        "blocks, from the open circle on."
    ),
    not_shown=(
        "How far apart two tokens really are: most dimensions are left out. In t-SNE, sizes of groups and gaps between "
        "them mean nothing."
    ),
    detail=(
        "PCA is fitted once to all blocks, so that a path lies in one common space; t-SNE arranges the tokens of each "
        "block anew. Scaled to equal length, vectors differ in direction only, as they do for the norms that read "
        "them. Unscaled, the first token’s vector is often so long that it squeezes all others together. In A − B, "
        "circles are tokens of A and diamonds tokens of B, in one projection that is fitted to both; thin lines lead "
        "from each token to its counterpart."
    ),
)


def layout() -> html.Section:
    """The tokens as points, with the choices of the projection."""
    return panel(
        NAME,
        "Embeddings",
        picture(NAME, graph(NAME, label="Scatter plot: tokens projected from the residual stream")),
        status=job_bar(NAME),
        controls=(
            choice(METHOD, "Projection", {"pca": "PCA", "tsne": "t-SNE"}, "pca"),
            choice(DIMENSIONS, "Dimensions", {"2": "2D", "3": "3D"}, "2"),
        ),
        more=(
            choice(SCALE, "Vectors", {"equal": "vectors scaled to equal length", "raw": "vectors unscaled"}, "equal"),
            choice(
                PATHS,
                "Paths through the blocks (PCA)",
                {"none": "no paths", "selected": "path of the selected token", "all": "paths of all tokens"},
                "selected",
            ),
        ),
        help=HELP,
    )
