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
    how=(
        "Each point is the residual stream at one token, at the selected block; colours go from the first to the last "
        "position. PCA is fitted once over all blocks, so that a token’s path through them, from the open circle on, "
        "lies in one space; t-SNE arranges the tokens of one block anew. With equal length only the directions of the "
        "vectors count, as for the norms that read them; as they are, the first token’s huge vector often squeezes all "
        "others together."
    ),
    not_said=(
        "how far apart two tokens really are: two or three of hundreds of dimensions are shown, and points that lie on "
        "each other may differ in the rest. In t-SNE the sizes of groups and the gaps between them mean nothing."
    ),
)


def layout() -> html.Section:
    """The tokens as points, and how they are projected."""
    return panel(
        NAME,
        "Embeddings",
        job_bar(NAME),
        picture(NAME, graph(NAME, height=430, label="Tokens as points, projected from the residual stream")),
        controls=(
            choice(METHOD, "Method", {"pca": "PCA", "tsne": "t-SNE"}, "pca"),
            choice(DIMENSIONS, "in", {"2": "2D", "3": "3D"}, "2"),
            choice(SCALE, "Vectors", {"equal": "equal length", "raw": "as they are"}, "equal"),
            choice(PATHS, "Paths (PCA)", {"none": "none", "selected": "selected", "all": "all"}, "selected"),
        ),
        help=HELP,
    )
