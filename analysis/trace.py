"""Everything that is kept of one forward pass. Every shape is written here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.capture import recording, tile_width
from analysis.tokens import Token, encode

if TYPE_CHECKING:
    from analysis.model import LanguageModel

Float = NDArray[np.float32]
CAPTURE_VERSION = 1  # to be raised when what is captured changes, so that older files are not read


@dataclass(frozen=True)
class Prompt:
    """The question's first half: a text for a model. With `start`, the end-of-text token stands in front of it."""

    model: str
    text: str
    start: bool = False


@dataclass(frozen=True)
class ModelInfo:
    """A model's sizes. fingerprint: changes when any weight or setting does.

    untrained: its norms are exactly as they are initialised, which training never leaves so: its weights are random.
    """

    family: str
    n_blocks: int
    n_heads: int
    d_model: int
    n_neurons: int
    n_vocab: int
    max_positions: int
    n_parameters: int
    fingerprint: str
    untrained: bool = False

    @property
    def tile_width(self) -> int:
        """Contiguous MLP neurons drawn as one tile."""
        return tile_width(self.n_neurons)

    @property
    def n_tiles(self) -> int:
        """MLP tiles of a block, at most 64."""
        return -(-self.n_neurons // self.tile_width)


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward pass of a model over a text. Arrays are float32 and read lazily."""

    prompt: Prompt
    tokens: tuple[Token, ...]
    info: ModelInfo
    array: Callable[[str], Float]

    @property
    def n_positions(self) -> int:
        """How many tokens the text has."""
        return len(self.tokens)

    @property
    def token_ids(self) -> NDArray[np.int64]:
        """(n_positions,)"""
        return np.array([token.id for token in self.tokens], dtype=np.int64)

    def attention(self, block: int) -> Float:
        """(n_heads, query, key): rows sum to 1, zero where key > query."""
        return self.array(f"attention.{block}")

    def residual(self, i: int) -> Float:
        """(n_positions, d_model): i = 0 is what enters block 0, i = k the raw stream after block k-1. Never normed."""
        return self.array(f"residual.{i}")

    def neurons(self, block: int) -> Float:
        """(n_positions, n_neurons): after the activation function, the input of the MLP's last linear map."""
        return self.array(f"neurons.{block}")

    def head_norms(self, block: int) -> Float:
        """(n_positions, n_heads): L2 norm of what each head adds to the residual stream, without the shared bias."""
        return self.array(f"head_norms.{block}")

    def tile_norms(self, block: int) -> Float:
        """(n_positions, n_tiles): L2 norm of what the neurons of each tile together add to the residual stream."""
        return self.array(f"tile_norms.{block}")

    def logits(self) -> Float:
        """(n_positions, n_vocab): the model's real output."""
        return self.array("logits")


def compute_trace(model: "LanguageModel", prompt: Prompt, *, max_tokens: int | None = None) -> Trace:
    """Run the model once over the text and keep what it computed.

    Raises: TextError as `encode` does.
    """
    tokens = encode(model, prompt.text, start=prompt.start, max_tokens=max_tokens)
    arrays = capture(model, tokens)
    return Trace(prompt, tokens, model.info, lambda name: arrays[name].numpy())


def capture(model: "LanguageModel", tokens: tuple[Token, ...]) -> dict[str, torch.Tensor]:
    """The arrays of one forward pass by their names on disk."""
    with torch.inference_mode(), recording() as arrays:
        ids = torch.tensor([[token.id for token in tokens]])
        arrays["logits"] = model.network(input_ids=ids, use_cache=False).logits[0]
    return arrays
