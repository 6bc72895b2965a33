"""The direct attribution panel: what each part of the network writes towards the predicted token."""

from dash import html

from layouts.panel import Help, choice, graph, panel
from layouts.target import target_choice

NAME = "attribution"
VIEW = "attribution-view"
TARGET = "attribution-target"
SEARCH = "attribution-search"
FOUND = "attribution-found"
AGAINST = "attribution-against"

VIEWS = {
    "map": "blocks × heads",
    "bars": "strongest parts",
    "neurons": "strongest neurons",
    "depth": "sum through depth",
}

HELP = Help(
    shows=(
        "Which parts wrote the logit: every head, MLP and bias adds a vector to the residual stream, and its share is "
        "what that vector adds to the logit."
    ),
    how=(
        "Blue raises the logit, orange lowers it; all shares sum to it. The lowest row belongs to no block. Click a "
        "cell, a bar or a point to select the part."
    ),
    not_shown=(
        "What a part does through later parts, which count it as their own. A part with a large share may be replaced "
        "by others if it is removed."
    ),
    detail=(
        "The most probable next token is explained, unless you choose another; “subtract” explains the difference of "
        "two logits, to which whatever raises all logits alike adds nothing. The final norm’s scale is held as it is "
        "at this token, and so is that of the norms after attention and MLP in Gemma 2 and 3, OLMo 2 and 3, GLM-4 and "
        "EXAONE 4. Where logits are capped (Gemma 2 and others), the value before the cap is explained. A head’s share "
        "contains the biases of its values. Rotary positions add nothing to the stream, so only models with learned "
        "positions have a share of the position embedding; in the same way, only biases that the model has are shown. "
        "The colours follow the square root of a share’s size. Through depth, the line adds the attention of a block "
        "first and then its MLP, though in parallel blocks neither comes first. Early sums are not the logit lens, "
        "whose norm has a scale of its own after each block. In texts of more than 256 tokens, neurons are kept in "
        "half precision, so the sum is right to about 3 digits. In A − B, each share is that of A minus that of B, and "
        "their sum is the difference of the two logits."
    ),
)


def layout() -> html.Section:
    """One picture, which is one of four views."""
    return panel(
        NAME,
        "Direct attribution",
        graph(NAME, label="Direct attribution: share of each part in the explained logit"),
        controls=(
            target_choice(target=TARGET, search=SEARCH, found=FOUND, against=AGAINST),
            choice(VIEW, "View of the attribution", VIEWS, "map"),
        ),
        help=HELP,
    )
