"""Parameter counts: of a model and its parts. A network on torch's meta device, without weights, suffices."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from analysis.families import Family, block_norms, logit_cap
from analysis.models.hooks import last_map
from analysis.selection import Part, Selection

_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class SummaryResult:
    """Sizes of a model and its parameter counts, in which every tensor counts once.

    Attributes
    ----------
    n_blocks, n_heads, n_neurons, n_vocab, max_positions : int
        Blocks; heads and MLP neurons per block; tokens in the vocabulary; longest text in tokens.
    n_key_value_heads : int
        Heads with keys and values of their own, per block; fewer than `n_heads` if heads share them.
    d_model, d_head : int
        Width of the residual stream and of one head.
    token_embedding, position_embedding, final_norm : int
        Parameters; no `position_embedding` (0) where positions rotate queries and keys.
    attention, mlp, norms : int
        Parameters in one block.
    output : int
        The output head's own parameters.
    tied : bool
        Whether the output head uses the token embedding's matrix.
    output_bias : bool
        Whether the output head adds a bias for each token.
    logit_cap : float or None
        Bound of the logits' absolute values, if there is one.
    head : int
        Parameters of the maps that belong to one head alone, biases included.
    key_value : int
        Parameters of one head's keys and values if it shares them with other heads, else 0.
    attention_shared : int
        Parameters of a block's attention outside its heads' maps: the output bias, norms of queries and keys.
    neuron : int
        Input weights, bias and output weights of one neuron.
    mlp_shared : int
        Parameters of the output bias that all neurons of a block share.
    gated : bool
        Whether a neuron is the product of two linear maps of its input.
    written_through_norm : bool
        Whether the output of attention and MLP is normed before it is added to the residual stream.
    n_parameters : int
        All parameters.
    """

    n_blocks: int
    n_heads: int
    n_key_value_heads: int
    d_model: int
    d_head: int
    n_neurons: int
    n_vocab: int
    max_positions: int
    token_embedding: int
    position_embedding: int
    attention: int
    mlp: int
    norms: int
    final_norm: int
    output: int
    tied: bool
    output_bias: bool
    logit_cap: float | None
    head: int
    key_value: int
    attention_shared: int
    neuron: int
    mlp_shared: int
    gated: bool
    written_through_norm: bool
    n_parameters: int

    @property
    def block(self) -> int:
        """Parameters of one block."""
        return self.attention + self.mlp + self.norms

    @property
    def all_heads(self) -> int:
        """Number of attention heads in all blocks."""
        return self.n_blocks * self.n_heads

    @property
    def all_neurons(self) -> int:
        """Number of MLP neurons in all blocks."""
        return self.n_blocks * self.n_neurons

    @property
    def residual_dimensions(self) -> int:
        """Dimensions of the residual stream, summed over all blocks. They are not neurons."""
        return self.n_blocks * self.d_model

    @property
    def memory_bytes(self) -> int:
        """Memory of all parameters in float32, in bytes."""
        return _FLOAT32_BYTES * self.n_parameters

    def parameters(self, selection: Selection) -> int:
        """Parameters of the selected part, without those that it shares with others."""
        if selection.head is not None:
            return self.head
        if selection.neuron is not None:
            return self.neuron
        return {
            Part.EMBEDDING: self.token_embedding + self.position_embedding,
            Part.ATTENTION: self.attention,
            Part.MLP: self.mlp,
            Part.NORM: self.final_norm,
            Part.OUTPUT: self.output,
        }[selection.part]


def compute_summary(network: Any, family: Family) -> SummaryResult:
    """Sizes and parameter counts of a network, with or without weights; in all supported families, blocks are equal.

    Source: the module tree. For GPT-2 it gives 50257·d + 1024·d + L·(12d² + 13d) + 2d (Radford et al. 2019).
    """
    config = network.config
    block = network.get_submodule(family.blocks)[0]
    inside = block.get_submodule(family.attention)
    n_heads = config.num_attention_heads
    n_key_value_heads = getattr(config, "num_key_value_heads", None) or n_heads
    attention_out, mlp_out = block.get_submodule(family.attention_out), block.get_submodule(family.mlp_out)
    d_inside, d_model = last_map(attention_out).shape
    d_head, n_neurons = d_inside // n_heads, last_map(mlp_out).shape[0]
    embedding, head = network.get_submodule(family.embedding), network.get_output_embeddings()
    attention = _count(block, family.attention)
    mlp = _count(block, *family.mlp)
    # Parameters per output dimension: of queries, keys and values with their bias; of neurons, twice if gated.
    maps = [module for module in inside.modules() if module is not attention_out and _is_map(module)]
    row = sum(_size(module) for module in maps) // ((n_heads + 2 * n_key_value_heads) * d_head)
    into_neuron = (mlp - _size(mlp_out)) // n_neurons
    shares_keys = n_key_value_heads < n_heads
    one_head = d_head * (d_model + row * (1 if shares_keys else 3))
    key_value = 2 * d_head * row if shares_keys else 0
    tied = head.weight is embedding.weight
    return SummaryResult(
        n_blocks=config.num_hidden_layers,
        n_heads=n_heads,
        n_key_value_heads=n_key_value_heads,
        d_model=d_model,
        d_head=d_head,
        n_neurons=n_neurons,
        n_vocab=head.weight.shape[0],
        max_positions=config.max_position_embeddings,
        token_embedding=_size(embedding),
        position_embedding=_count(network, family.positions) if family.positions else 0,
        attention=attention,
        mlp=mlp,
        norms=sum(_size(norm) for norm in block_norms(block, family)),
        final_norm=_count(network, family.final_norm),
        output=_size(head) - (head.weight.numel() if tied else 0),
        tied=tied,
        output_bias=getattr(head, "bias", None) is not None,
        logit_cap=logit_cap(config, family),
        head=one_head,
        key_value=key_value,
        attention_shared=attention - n_heads * one_head - n_key_value_heads * key_value,
        neuron=into_neuron + d_model,
        mlp_shared=_size(mlp_out) - n_neurons * d_model,
        gated=into_neuron >= 2 * d_model,
        written_through_norm=family.mlp_norm is not None,
        n_parameters=_size(network),
    )


def _is_map(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return weight is not None and weight.dim() == 2


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _count(parent: nn.Module, *paths: str) -> int:
    return sum(_size(parent.get_submodule(path)) for path in paths)
