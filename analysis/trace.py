"""Trace: the arrays that are kept of one forward pass, with their shapes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import TextError
from analysis.model_info import ModelInfo
from analysis.tokens import Token

Float = NDArray[np.float32]
MOST_LOGITS = 2**24  # that a trace keeps (64 MB): 64 tokens of a vocabulary of 262,144, or 333 of GPT-2's
SWITCHES = ("start", "chat")  # the fields of a prompt that are on or off
MOST_WRITTEN = 1000  # token ids that a prompt may have after its text; the tokens of both are counted in `encode`
_MOST_ID_DIGITS = 9


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
    written
        Token ids that follow the text's own tokens, such as those that the model has written. They are read as they
        are: their text, tokenized again, could give other tokens.
    """

    model: str
    text: str
    start: bool = False
    chat: bool = False
    written: tuple[int, ...] = ()


def read_written(given: Any) -> tuple[int, ...]:
    """The token ids in a page's store, a list of numbers, or in its address, `12.55.99`. Strangers write both.

    Raises: TextError if they are anything else, or too many.
    """
    ids = given
    if isinstance(given, str):
        if len(given) > MOST_WRITTEN * (_MOST_ID_DIGITS + 1):
            raise TextError(f"There are too many written tokens; at most {MOST_WRITTEN:,} are read.")
        parts = given.split(".") if given else []
        ids = [int(part) if re.fullmatch(f"[0-9]{{1,{_MOST_ID_DIGITS}}}", part) else part for part in parts]
    if not isinstance(ids, list | tuple):
        raise TextError("The written tokens cannot be read: they are no list of token ids. Reload the page.")
    if len(ids) > MOST_WRITTEN:
        raise TextError(f"There are {len(ids):,} written tokens; at most {MOST_WRITTEN:,} are read.")
    for token_id in ids:
        if type(token_id) is not int or not 0 <= token_id < 10**_MOST_ID_DIGITS:  # True is an int, too
            raise TextError(
                f"The written tokens cannot be read: ‘{str(token_id)[:20]}’ is not a token id. They are whole numbers "
                "with dots between them, as in written=12.55.99."
            )
    return tuple(ids)


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
