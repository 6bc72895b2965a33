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
        "The lines show the length (L2 norm) of each token’s vector in the residual stream, from block to block. The "
        "first bar chart shows one MLP neuron at every token; the second shows several neurons at the selected token: "
        "those of one tile (neighbouring neurons, one box in the 3D scene), or those of the block with the largest "
        "absolute values. Click a bar to select its token or its neuron."
    ),
    detail=(
        "A neuron’s value is what the MLP’s last linear map reads, after the activation function. In gated MLPs "
        "(Llama, Mistral, Qwen, Phi-3, Gemma) it is the product of two maps of the stream and can be large with either "
        "sign. The first token’s vector is often very long: heads with nothing else to do attend to it. With more than "
        "128 tokens, only some lines are drawn; with more than 256, neurons are kept in half precision (3 digits)."
    ),
    not_shown=(
        "A large value need not matter: that depends on the vector that the neuron writes. Neurons are not dimensions "
        "of the residual stream, whose mean carries no information where every reader begins with a LayerNorm (GPT-2, "
        "GPT-Neo, GPT-J, GPT-NeoX, OPT, Phi)."
    ),
)


def layout() -> html.Section:
    """The residual stream through the blocks, one neuron at every token, and several neurons at one token."""
    return panel(
        NAME,
        "Activations",
        graph(NAME, label="Line chart: length of each token’s residual stream through the blocks"),
        html.Div(
            [
                graph(NAME, id=NEURON_GRAPH, second=True, label="Bar chart: one neuron’s value at each token"),
                graph(
                    NAME,
                    id=NEURONS_GRAPH,
                    second=True,
                    label="Bar chart: values of several neurons at the selected token",
                ),
            ],
            className="panel-beside",
        ),
        controls=(
            choice(QUANTITY, "Residual stream", {"norm": "stream: length", "mean": "stream: mean"}, "norm"),
            choice(
                NEURONS, "Listed neurons", {"tile": "neurons: same tile", "strongest": "neurons: strongest"}, "tile"
            ),
        ),
        help=HELP,
    )
