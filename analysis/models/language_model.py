"""A loaded network and its tokenizer, as one value."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from analysis.families import Family, logit_cap
from analysis.model_info import ModelInfo
from analysis.tokens import Vocabulary


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A loaded network with its tokenizer; safe to use from several threads at once."""

    name: str
    network: nn.Module
    family: Family
    info: ModelInfo
    vocabulary: Vocabulary
    tokenizer: Any

    @property
    def start_id(self) -> int | None:
        """The token id that the model was taught to see between texts."""
        token_id = self.tokenizer.eos_token_id
        return None if token_id is None else int(token_id)

    def tokenize(self, text: str) -> list[int]:
        """Token ids as the model's tokenizer gives them."""
        return list(self.tokenizer(text, verbose=False)["input_ids"])

    def head(self, normed: Tensor) -> Tensor:
        """Logits from a residual that went through the final norm."""
        logits: Tensor = self.network.get_output_embeddings()(normed)  # type: ignore[operator]
        cap = logit_cap(self.network.config, self.family)
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def final_norm(self, residual: Tensor) -> Tensor:
        """The final norm, with its statistics computed from this residual."""
        normed: Tensor = self.network.get_submodule(self.family.final_norm)(residual)
        return normed
