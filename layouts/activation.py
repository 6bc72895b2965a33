"""The activations panel."""

from dash import html

from layouts.panel import Help, choice, graph, panel

NAME = "activation"
NEURON_GRAPH = "activation-neuron-graph"
NEURONS_GRAPH = "activation-neurons-graph"
QUANTITY = "activation-quantity"
NEURONS = "activation-neurons"

HELP = Help(
    how=(
        "At the top, each line is one token’s residual stream on its way through the blocks, by its length (L2 norm); "
        "the first token’s is often huge; heads with nothing else to do look there. A neuron is one unit of a block’s "
        "MLP, after the activation function: what the MLP’s last map reads. In gated MLPs (Llama, Mistral, Qwen, "
        "Phi-3, Gemma) that is the product of two maps of the stream, one through the activation function (the gate) "
        "and one not, so that it can be large with either sign. The bars show one neuron at every token and, at the "
        "selected token, the neurons of its tile, or the strongest of the block: click a bar to choose that token or "
        "that neuron. With more than 128 tokens only some of their lines are drawn, evenly spaced; with more than 256, "
        "neurons are kept in half precision, right to 3 digits."
    ),
    not_said=(
        "that what is large matters: a norm is a size, and a neuron’s effect also depends on what it writes. Neurons "
        "are not the residual stream’s dimensions, of which there are fewer; and the mean over these carries nothing "
        "where every reader begins with a LayerNorm (GPT-2, GPT-Neo, GPT-J, GPT-NeoX, OPT, Phi), which removes it."
    ),
)


def layout() -> html.Section:
    """The residual stream through the blocks, one neuron at every token, many neurons at one token."""
    return panel(
        NAME,
        "Activations",
        graph(NAME, height=200, label="Lines: the size of each token’s residual stream through the blocks"),
        graph(NAME, id=NEURON_GRAPH, height=140, label="Bars: the value of one neuron at each token"),
        graph(NAME, id=NEURONS_GRAPH, height=140, label="Bars: the values of several neurons at the selected token"),
        controls=(
            choice(QUANTITY, "Stream", {"norm": "norm", "mean": "mean"}, "norm"),
            choice(NEURONS, "Neurons", {"tile": "its tile", "strongest": "strongest of the block"}, "tile"),
        ),
        help=HELP,
    )
