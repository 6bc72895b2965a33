"""The activations panel."""

from dash import html

from layouts.panel import Help, choice, graph, panel

NAME = "activation"
NEURON_GRAPH = "activation-neuron-graph"
NEURONS_GRAPH = "activation-neurons-graph"
QUANTITY = "activation-quantity"
NEURONS = "activation-neurons"

HELP = Help(
    shows="The length of each token’s vector in the residual stream, from block to block, and the values of neurons.",
    how=(
        "The strong line is the selected token’s. The bars are one neuron at every token, and several neurons at this "
        "token. Click a bar to select it."
    ),
    not_shown=(
        "What matters: that depends on the vector that a neuron writes, too. Neurons are not dimensions of the "
        "residual stream."
    ),
    detail=(
        "The listed neurons are those of one tile (neighbours that share a box of the 3D scene), or those of the block "
        "with the largest absolute values. While no neuron is selected, the strongest of the block is shown. A "
        "neuron’s value is what the MLP’s last linear map reads, after the activation function. In gated MLPs (Llama, "
        "Mistral, Qwen, Phi-3, Gemma) it is the product of two maps of the stream and can be large with either sign. "
        "The first token’s vector is often very long: heads with nothing else to do attend to it. The mean over the "
        "stream’s dimensions carries no information where every reader begins with a LayerNorm (GPT-2, GPT-Neo, GPT-J, "
        "GPT-NeoX, OPT, Phi). With more than 128 tokens, only some lines are drawn; with more than 256, neurons are "
        "kept in half precision (3 digits). In A − B, lines and bars are A’s numbers minus B’s, and “strongest” lists "
        "the neurons that differ most."
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
        controls=(choice(QUANTITY, "Residual stream", {"norm": "stream: length", "mean": "stream: mean"}, "norm"),),
        more=(
            choice(
                NEURONS, "Listed neurons", {"tile": "neurons: one tile", "strongest": "neurons: the strongest"}, "tile"
            ),
        ),
        help=HELP,
    )
