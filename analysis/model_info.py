"""A model's sizes, as plain data."""

from dataclasses import dataclass

MAX_TILES = 64


@dataclass(frozen=True)
class ModelInfo:
    """A model's sizes. fingerprint: changes when any weight or setting does. d_head: width of one head's output.

    untrained: its norms are exactly as they are initialised, which training never leaves so: its weights are random.
    parallel: attention and MLP of a block read the same residual stream, so that there is no stream between them.
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

    @property
    def tile_width(self) -> int:
        """Contiguous MLP neurons drawn as one tile."""
        return tile_width(self.n_neurons)

    @property
    def n_tiles(self) -> int:
        """MLP tiles of a block, at most 64."""
        return -(-self.n_neurons // self.tile_width)


def tile_width(n_neurons: int) -> int:
    """Neurons in one tile of the picture: as few as give at most 64 tiles a block. The last tile may be narrower."""
    return -(-n_neurons // MAX_TILES)
