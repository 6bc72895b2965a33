"""Everything that is kept of one forward pass. Every shape is written here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.model_info import ModelInfo
from analysis.tokens import Token

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Prompt:
    """The question's first half: a text for a model. With `start`, the end-of-text token stands in front of it."""

    model: str
    text: str
    start: bool = False


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward pass of a model over a text. Arrays are given as float32 and read lazily.

    array: by its name, as it is kept. at: of the methods, which part of the array: an index, in numpy's sense; only
    that part is read.
    """

    prompt: Prompt
    tokens: tuple[Token, ...]
    info: ModelInfo
    array: Callable[[str], NDArray[Any]]

    @property
    def n_positions(self) -> int:
        """How many tokens the text has."""
        return len(self.tokens)

    @property
    def token_ids(self) -> NDArray[np.int64]:
        """(n_positions,)"""
        return np.array([token.id for token in self.tokens], dtype=np.int64)

    @property
    def precision(self) -> Literal["single", "half"]:
        """How attention and neurons were kept: in half precision they are right to 3 digits, above 6e-5; all else is
        in single precision."""
        return "half" if self.array("attention.0").dtype == np.float16 else "single"

    def attention(self, block: int, at: Any = ...) -> Float:
        """(n_heads, query, key): rows sum to 1 (in half precision within 0.001), zero where key > query."""
        return self._read(f"attention.{block}", at)

    def residual(self, i: int) -> Float:
        """(n_positions, d_model): i = 0 is what enters block 0, i = k the raw stream after block k-1. Never normed."""
        return self.array(f"residual.{i}")

    def neurons(self, block: int, at: Any = ...) -> Float:
        """(n_positions, n_neurons): after the activation function, the input of the MLP's last linear map."""
        return self._read(f"neurons.{block}", at)

    def head_outputs(self, block: int) -> Float:
        """(n_positions, n_heads, d_head): the input of attention's last linear map, each head's values weighted by its
        attention.

        Always in single precision: what attention writes is computed from it, and must add up with the residual stream.
        """
        return self.array(f"head_outputs.{block}")

    def head_norms(self, block: int) -> Float:
        """(n_positions, n_heads): L2 norm of what each head adds to the residual stream, without the shared bias."""
        return self.array(f"head_norms.{block}")

    def tile_norms(self, block: int) -> Float:
        """(n_positions, n_tiles): L2 norm of what the neurons of each tile together add to the residual stream."""
        return self.array(f"tile_norms.{block}")

    def logits(self) -> Float:
        """(n_positions, n_vocab): the model's real output."""
        return self.array("logits")

    def _read(self, name: str, at: Any) -> Float:
        part: Float = self.array(name)[at].astype(np.float32, copy=False)
        return part
