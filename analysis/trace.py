"""Trace: the arrays that are kept of one forward pass, with their shapes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.model_info import ModelInfo
from analysis.tokens import Token

Float = NDArray[np.float32]
MOST_LOGITS = 2**24  # that a trace keeps (64 MB): 64 tokens of a vocabulary of 262,144, or 333 of GPT-2's
SWITCHES = ("start", "chat")  # the fields of a prompt that are on or off


@dataclass(frozen=True)
class Prompt:
    """A text for a model.

    Attributes
    ----------
    model
        The model's name.
    text
        The text, not empty.
    start
        Whether the model's start token is put before the text.
    chat
        Whether the text is put into the model's chat template, as a person's message.
    """

    model: str
    text: str
    start: bool = False
    chat: bool = False


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward pass of a model over a text. The arrays are read lazily and returned as float32.

    Methods with a parameter `at` read only the part of the array that this numpy index selects.

    Attributes
    ----------
    prompt
        The text and the model's name.
    tokens
        The tokens of the text.
    info
        The model's sizes.
    array
        Reads the array of a name, in the precision in which it is stored.
    """

    prompt: Prompt
    tokens: tuple[Token, ...]
    info: ModelInfo
    array: Callable[[str], NDArray[Any]]

    @property
    def n_positions(self) -> int:
        """The number of tokens."""
        return len(self.tokens)

    @property
    def token_ids(self) -> NDArray[np.int64]:
        """(n_positions,)"""
        return np.array([token.id for token in self.tokens], dtype=np.int64)

    @property
    def precision(self) -> Literal["single", "half"]:
        """The precision of attention and neurons. In half precision, numbers above 6e-5 are correct to 3 digits. All
        other arrays are in single precision.
        """
        return "half" if self.array("attention.0").dtype == np.float16 else "single"

    def attention(self, block: int, at: Any = ...) -> Float:
        """(n_heads, query, key): rows sum to 1 (within 0.001 in half precision); zero if key > query."""
        return self._read(f"attention.{block}", at)

    def residual(self, i: int) -> Float:
        """(n_positions, d_model): the input of block 0 for i = 0, else the stream after block i-1. Never normed."""
        return self.array(f"residual.{i}")

    def neurons(self, block: int, at: Any = ...) -> Float:
        """(n_positions, n_neurons): after the activation function, as the input of the MLP's last linear map."""
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
        """(n_positions, n_tiles): L2 norm of what the neurons of a tile together add to the residual stream."""
        return self.array(f"tile_norms.{block}")

    @property
    def keeps_logits(self) -> bool:
        """Whether the trace has `logits`; if they are too many, `LanguageModel.logits` computes them again."""
        return keeps_logits(self.info, self.n_positions)

    def logits(self) -> Float:
        """(n_positions, n_vocab): the model's output, of traces that keep it."""
        return self.array("logits")

    def _read(self, name: str, at: Any) -> Float:
        part: NDArray[Any] = self.array(name)[at]
        return part.astype(np.float32) if part.dtype == np.float16 else part


def keeps_logits(info: ModelInfo, n_positions: int) -> bool:
    """Whether the trace of a text of so many tokens keeps all logits."""
    return info.n_vocab * n_positions <= MOST_LOGITS
