"""Language model: a loaded network with its tokenizer, vocabulary and sizes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analysis.families import Family, logit_cap
from analysis.model_info import ModelInfo
from analysis.models.chat import as_message
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

    @cached_property
    def start_id(self) -> int | None:
        """The id of the beginning-of-text token, else of the end-of-text token, which stood between texts in training;
        None if the model knows neither.
        """
        special = [token_id for token_id, token in self.tokenizer.added_tokens_decoder.items() if token.special]
        # Some chat models name it in the configuration alone: for the tokenizer, the end of a turn is the only end.
        configured = getattr(self.network.config, "bos_token_id", None)
        ids = (self.tokenizer.bos_token_id, configured if configured in special else None, self.tokenizer.eos_token_id)
        return next((token_id for token_id in ids if token_id is not None and token_id < self.n_readable), None)

    @cached_property
    def adds_start(self) -> bool:
        """Whether the tokenizer puts the start token before every text by itself."""
        return self.start_id is not None and self.tokenize("a")[:1] == [self.start_id] != self._bare("a")[:1]

    # transformers and torch look for a module by its name, which takes a while.
    @cached_property
    def output_head(self) -> nn.Linear:
        """The last linear map, from the normed residual stream to the logits."""
        head: nn.Linear = self.network.get_output_embeddings()  # type: ignore[operator]
        return head

    @cached_property
    def _final_norm(self) -> nn.Module:
        return self.network.get_submodule(self.family.final_norm)

    @cached_property
    def blocks(self) -> nn.ModuleList:
        """The modules of the blocks, in the order of the network."""
        blocks: nn.ModuleList = self.network.get_submodule(self.family.blocks)  # type: ignore[assignment]
        return blocks

    @cached_property
    def n_readable(self) -> int:
        """The number of token ids that the model can read and predict: its tokenizer may know more."""
        rows: int = self.network.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        return min(rows, self.info.n_vocab)

    def tokenize(self, text: str) -> list[int]:
        """The token ids of a text; the start token never twice, though the text may begin with it as well."""
        ids = list(self.tokenizer(text, verbose=False)["input_ids"])
        twice = [self.start_id] * 2
        return ids[1:] if ids[:2] == twice != self._bare(text)[:2] else ids

    def tokenize_message(self, text: str) -> tuple[list[int], list[bool]]:
        """The token ids of a text as a chat message, and of each, whether the template has added it.

        Raises: TextError if the model has no chat template, or it cannot be used.
        """
        rendered, own = as_message(self.tokenizer, text)
        found = self.tokenizer(rendered, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        added = [end <= own.start or begin >= own.stop for begin, end in found["offset_mapping"]]
        return list(found["input_ids"]), added

    def _bare(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def attention_output(self, block: int, head_outputs: Tensor) -> Tensor:
        """What a block's attention adds to the residual stream, (..., d_model), from `Trace.head_outputs`.

        head_outputs: (..., n_heads, d_head). Through attention's last linear map, with its bias, and the norm that some
        families put after it.
        """
        parts = self.blocks[block]
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
        return self.logits_of(self.products(normed))

    def products(self, vectors: Tensor) -> Tensor:
        """The products of the output head's rows with vectors, (..., n_vocab), from (..., d_model).

        Two or three vectors at once take no longer than one, since reading the large matrix takes the time.
        """
        return nn.functional.linear(vectors, self.output_head.weight)

    def logits_of(self, products: Tensor) -> Tensor:
        """The logits, with the output head's bias and the family's cap, (..., n_vocab), from the products."""
        bias = self.output_head.bias
        logits = products if bias is None else products + bias
        cap = logit_cap(self.network.config, self.family)
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def final_norm(self, residual: Tensor) -> Tensor:
        """The final norm of a residual, with the statistics of this residual."""
        normed: Tensor = self._final_norm(residual)
        return normed
