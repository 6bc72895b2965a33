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
        "Each line at the top follows one token through the blocks: the length (L2 norm) of its vector in the residual "
        "stream. The bars in the middle show one MLP neuron at every token. The bars at the bottom show several "
        "neurons at the selected token: those of the same tile (neighbouring neurons that the 3D scene draws as one "
        "box), or those of the block with the largest absolute values, positive or negative. Click a bar to select "
        "that token or that neuron."
    ),
    detail=(
        "A neuron’s value is taken after the activation function: it is what the MLP’s last linear map reads. In gated "
        "MLPs (Llama, Mistral, Qwen, Phi-3, Gemma) it is the product of two maps of the stream, one of which, the "
        "gate, goes through the activation function; so it can be large with either sign. The first token’s vector is "
        "often very long: heads with nothing else to do attend to it. With more than 128 tokens, only some of the "
        "lines are drawn, evenly spaced; with more than 256, neurons are kept in half precision (3 digits)."
    ),
    not_shown=(
        "A large value need not matter: a neuron’s effect also depends on the vector that it writes. Neurons are not "
        "the dimensions of the residual stream, of which there are fewer. The mean over these dimensions carries no "
        "information in models whose blocks read the stream through a LayerNorm (GPT-2, GPT-Neo, GPT-J, GPT-NeoX, OPT, "
        "Phi), since LayerNorm removes it."
    ),
)


def layout() -> html.Section:
    """The residual stream through the blocks, one neuron at every token, and several neurons at one token."""
    return panel(
        NAME,
        "Activations",
        graph(NAME, height=200, label="Line chart: length of each token’s residual stream through the blocks"),
        graph(NAME, id=NEURON_GRAPH, height=140, label="Bar chart: one neuron’s value at each token"),
        graph(NAME, id=NEURONS_GRAPH, height=140, label="Bar chart: values of several neurons at the selected token"),
        controls=(
            choice(QUANTITY, "Residual stream", {"norm": "length (L2 norm)", "mean": "mean"}, "norm"),
            choice(NEURONS, "Neurons", {"tile": "same tile", "strongest": "strongest of the block"}, "tile"),
        ),
        help=HELP,
    )
