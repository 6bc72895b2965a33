"""Language model: a loaded network with its tokenizer, vocabulary and sizes."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analysis.families import Family, logit_cap
from analysis.model_info import ModelInfo
from analysis.tokens import Vocabulary
from analysis.trace import Float, Trace

# Several panels read one position's logits after a click; each time, a large output head would be read from memory.
_LAST_ROWS: WeakKeyDictionary[Trace, tuple[int, Float]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A loaded network with its tokenizer; safe to use from several threads at once.

    Attributes
    ----------
    name
        The name that prompts use for it.
    network
        A causal language model of transformers: float32, on the CPU, frozen, with hooks.
    family
        Where the network keeps its parts.
    info
        The network's sizes.
    vocabulary
        The tokens that the tokenizer knows.
    tokenizer
        A fast tokenizer of transformers.
    """

    name: str
    network: nn.Module
    family: Family
    info: ModelInfo
    vocabulary: Vocabulary
    tokenizer: Any

    @property
    def start_id(self) -> int | None:
        """The id of the end-of-text token, which stood between texts in training; None if there is none."""
        token_id = self.tokenizer.eos_token_id
        return None if token_id is None else int(token_id)

    def tokenize(self, text: str) -> list[int]:
        """The token ids of a text."""
        return list(self.tokenizer(text, verbose=False)["input_ids"])

    def attention_output(self, block: int, head_outputs: Tensor) -> Tensor:
        """What a block's attention adds to the residual stream, (..., d_model), from `Trace.head_outputs`.

        head_outputs: (..., n_heads, d_head). Through attention's last linear map, with its bias, and the norm that some
        families put after it.
        """
        parts = self.network.get_submodule(self.family.blocks)[block]  # type: ignore[index]
        written: Tensor = parts.get_submodule(self.family.attention_out)(head_outputs.flatten(-2))
        if self.family.attention_norm:
            written = parts.get_submodule(self.family.attention_norm)(written)
        return written

    def logits(self, trace: Trace, at: int | slice) -> Float:
        """The model's output at one position, (n_vocab,), or at several, (n_positions, n_vocab): those that the trace
        keeps, or else computed again from the last residual stream.
        """
        if trace.keeps_logits:
            return trace.logits()[at]
        if isinstance(at, slice):
            return self.lens_logits(trace.residual(trace.info.n_blocks)[at])
        position, row = _LAST_ROWS.get(trace, (-1, None))
        if row is None or position != at:
            row = self.lens_logits(trace.residual(trace.info.n_blocks)[at])
            _LAST_ROWS[trace] = at, row
        return row

    def lens_logits(self, residuals: Float) -> Float:
        """The logit lens: what the output head reads off residual streams, (..., n_vocab), from (..., d_model).

        They go through the final norm, with its statistics computed from each.
        """
        with torch.inference_mode():
            logits: Float = self.head(self.final_norm(torch.from_numpy(residuals))).numpy()
        return logits

    def head(self, normed: Tensor) -> Tensor:
        """The logits of a residual that went through the final norm."""
        layer: nn.Linear = self.network.get_output_embeddings()  # type: ignore[operator]
        if torch.is_inference_mode_enabled() and normed.numel() == self.info.d_model:
            # One row only: NumPy reads the large matrix two to three times as fast as torch.
            logits = torch.from_numpy(layer.weight.numpy() @ normed.numpy().ravel()).reshape(*normed.shape[:-1], -1)
            logits = logits if layer.bias is None else logits + layer.bias
        else:
            logits = layer(normed)
        cap = logit_cap(self.network.config, self.family)
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def final_norm(self, residual: Tensor) -> Tensor:
        """The final norm of a residual, with the statistics of this residual."""
        normed: Tensor = self.network.get_submodule(self.family.final_norm)(residual)
        return normed
