"""Model sizes, as plain data."""

from dataclasses import dataclass

MAX_TILES = 64


@dataclass(frozen=True)
class ModelInfo:
    """The sizes of a model.

    Attributes
    ----------
    family
        The family's name, such as "GPT-2".
    n_blocks, n_heads, n_neurons
        The number of blocks, and of heads and MLP neurons in each block.
    d_model
        The width of the residual stream.
    d_head
        The width of one head's output.
    n_vocab
        The number of tokens that have a logit.
    max_positions
        The longest text that the model reads, in tokens.
    n_parameters
        The number of parameters; tied weights count once.
    fingerprint
        A hash of all weights and settings.
    untrained
        Whether all norms still have their initial values, which training changes: then the weights are random.
    parallel
        Whether attention and MLP of a block read the same residual stream, so that there is no stream between them.
    weights_note
        What the weights have been through, in a few words, such as "4-bit weights, dequantized"; empty if they are as
        they were trained.
    """

    family: str
    n_blocks: int
    n_heads: int
    d_model: int
    d_head: int
    n_neurons: int
    n_vocab: int
    max_positions: int
    n_parameters: int
    fingerprint: str
    untrained: bool = False
    parallel: bool = False
    weights_note: str = ""

    @property
    def tile_width(self) -> int:
        """The number of contiguous MLP neurons that are drawn as one tile."""
        return tile_width(self.n_neurons)

    @property
    def n_tiles(self) -> int:
        """The number of MLP tiles in a block, at most 64."""
        return -(-self.n_neurons // self.tile_width)


def tile_width(n_neurons: int) -> int:
    """The smallest number of neurons per tile that gives at most 64 tiles. The last tile may be narrower."""
    return -(-n_neurons // MAX_TILES)
