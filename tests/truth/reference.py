"""transformers' own load of a GGUF file, and what its modules compute of a text."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import transformers.modeling_utils
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer


class Reference:
    """The network and the tokenizer."""

    def __init__(self, path: Path) -> None:
        # transformers only asks whether `accelerate` is there.
        with patch.object(transformers.modeling_utils, "is_accelerate_available", return_value=True):
            self.network: Any = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
            )
        self.network.eval().requires_grad_(False)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)

    def ids(self, text: str) -> list[int]:
        """The token ids of a text."""
        return list(self.tokenizer(text)["input_ids"])

    def run(self, text: str) -> "Pass":
        """One forward pass."""
        found, hooks = Pass(self.network), []
        for layer in self.network.model.layers:
            for name, module in (("heads", layer.self_attn.o_proj), ("neurons", layer.mlp.down_proj)):
                hooks.append(module.register_forward_hook(found.recorder(name)))
        with torch.inference_mode():
            output = self.network(torch.tensor([self.ids(text)]), output_attentions=True, output_hidden_states=True)
        for hook in hooks:
            hook.remove()
        found.logits = output.logits[0]
        found.attentions = [one[0] for one in output.attentions]
        # The last entry has gone through the final norm.
        found.residuals = [one[0] for one in output.hidden_states[:-1]]
        found.residuals.append(found.residuals[-1] + found.outputs["heads"][-1] + found.outputs["neurons"][-1])
        return found


@dataclass
class Pass:
    """What a pass has computed.

    inputs, outputs: of the last maps of attention ("heads") and MLP ("neurons"), block by block. residuals: before each
    block, and after the last.
    """

    network: Any
    logits: Tensor = field(default_factory=lambda: torch.empty(0))
    attentions: list[Tensor] = field(default_factory=list)
    residuals: list[Tensor] = field(default_factory=list)
    inputs: dict[str, list[Tensor]] = field(default_factory=lambda: {"heads": [], "neurons": []})
    outputs: dict[str, list[Tensor]] = field(default_factory=lambda: {"heads": [], "neurons": []})

    def recorder(self, name: str) -> Any:
        """A forward hook."""

        def hook(_module: Any, given: tuple[Tensor, ...], output: Tensor) -> None:
            self.inputs[name].append(given[0][0])
            self.outputs[name].append(output[0])

        return hook

    def norms(self, name: str, width: int) -> Tensor:
        """In float64, (n_blocks, n_positions, n_groups): norms of what so many inputs write together."""
        blocks = []
        for layer, given in zip(self.network.model.layers, self.inputs[name], strict=True):
            weight = (layer.self_attn.o_proj if name == "heads" else layer.mlp.down_proj).weight.double()
            groups = zip(given.double().split(width, -1), weight.split(width, -1), strict=True)
            blocks.append(torch.stack([(part @ columns.T).norm(dim=-1) for part, columns in groups], -1))
        return torch.stack(blocks)

    def lens(self) -> Tensor:
        """(n_blocks + 1, n_positions, n_vocab): probabilities that are read off the residuals."""
        with torch.inference_mode():
            read = [self.network.lm_head(self.network.model.norm(one)) for one in self.residuals]
            return torch.stack(read).softmax(-1)
