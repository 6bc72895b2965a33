"""Parts of each family's network, named a second time independently of `analysis/families.py`, to check its table."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class Parts:
    """The modules of a network; lists have one module per block.

    neurons: from an MLP (of OPT, its first map) and what enters it. values: from an attention and what enters it,
    (n_positions, key-value heads, d_head). norms_after: what attention and MLP write goes through these, or None.
    """

    def __init__(self, network: Any) -> None:
        config = network.config
        self.kind = config.model_type
        self.gemma = self.kind.startswith("gemma")
        # fmt: off
        decoder, blocks, norm, attention, attention_out, mlp, mlp_out = {
            "gpt2": ("transformer", "h", "ln_f", "attn", "attn.c_proj", "mlp", "mlp.c_proj"),
            "gpt_neo": ("transformer", "h", "ln_f", "attn", "attn.attention.out_proj", "mlp", "mlp.c_proj"),
            "gptj": ("transformer", "h", "ln_f", "attn", "attn.out_proj", "mlp", "mlp.fc_out"),
            "gpt_neox": (
                "gpt_neox", "layers", "final_layer_norm", "attention", "attention.dense", "mlp", "mlp.dense_4h_to_h",
            ),
            "opt": ("model.decoder", "layers", "final_layer_norm", "self_attn", "self_attn.out_proj", "fc1", "fc2"),
            "phi": ("model", "layers", "final_layernorm", "self_attn", "self_attn.dense", "mlp", "mlp.fc2"),
        }.get(self.kind, ("model", "layers", "norm", "self_attn", "self_attn.o_proj", "mlp", "mlp.down_proj"))
        # fmt: on
        self.decoder = network.get_submodule(decoder)
        self.blocks, self.norm = getattr(self.decoder, blocks), getattr(self.decoder, norm)
        self.attention, self.attention_out, self.mlp, self.mlp_out = (
            [block.get_submodule(path) for block in self.blocks] for path in (attention, attention_out, mlp, mlp_out)
        )
        self.norms_after = [
            (block.post_attention_layernorm, block.post_feedforward_layernorm) if self.gemma else (None, None)
            for block in self.blocks
        ]
        self.attention_written, self.mlp_written = self.attention, self.mlp_out
        if self.gemma:
            self.attention_written, self.mlp_written = (list(norms) for norms in zip(*self.norms_after, strict=True))
        self.neurons = self._neurons(config)
        n_groups = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        self.values: Callable[[Any, Tensor], Tensor] = lambda module, x: self._values(
            module, x, config.hidden_size
        ).unflatten(-1, (n_groups, -1))

    def _neurons(self, config: Any) -> Callable[[Any, Tensor], Tensor]:
        def new_gelu(x: Tensor) -> Tensor:
            return 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))

        act = F.gelu if getattr(config, "activation_function", "") == "gelu" else F.relu
        gate = new_gelu if self.gemma else F.silu
        formulas: dict[str, Callable[[Any, Tensor], Tensor]] = {
            "gpt2": lambda mlp, x: new_gelu(mlp.c_fc(x)),
            "gpt_neo": lambda mlp, x: new_gelu(mlp.c_fc(x)),
            "gptj": lambda mlp, x: new_gelu(mlp.fc_in(x)),
            "gpt_neox": lambda mlp, x: F.gelu(mlp.dense_h_to_4h(x)),
            "opt": lambda fc1, x: act(fc1(x)),
            "phi": lambda mlp, x: new_gelu(mlp.fc1(x)),
            "phi3": lambda mlp, x: F.silu(mlp.gate_up_proj(x)[..., :80]) * mlp.gate_up_proj(x)[..., 80:],
        }
        return formulas.get(self.kind, lambda mlp, x: gate(mlp.gate_proj(x)) * mlp.up_proj(x))

    def _values(self, module: Any, x: Tensor, d_model: int) -> Tensor:
        if self.kind == "gpt2":
            return module.c_attn(x)[..., 2 * d_model :]
        if self.kind == "gpt_neo":
            return module.attention.v_proj(x)
        if self.kind == "gpt_neox":  # query, key and value of one head, then of the next
            return module.query_key_value(x).unflatten(-1, (-1, 3, module.head_size))[..., 2, :].flatten(-2)
        if self.kind == "phi3":
            width = module.num_key_value_heads * module.head_dim
            return module.qkv_proj(x)[..., -width:]
        return module.v_proj(x)


def added(norm: Any, piece: Tensor, whole: Tensor) -> Tensor:
    """What a piece of what a part writes adds to the stream: through Gemma's norm, its size taken from the whole."""
    if norm is None:
        return piece
    return piece / (whole.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt() * (1 + norm.weight)


def explicit_norms(inputs: Tensor, module: Any, width: int, norm: Any) -> Any:
    """‖x_g W_g‖ of each group of `width` inputs, in float64, one product after another; after the norm, if any."""
    weight = module.weight.double()
    weight = weight.T if isinstance(module, torch.nn.Linear) else weight
    x = inputs.reshape(-1, inputs.shape[-1]).double()
    pieces = [x[:, s : s + width] @ weight[s : s + width] for s in range(0, x.shape[1], width)]
    whole = torch.stack(pieces).sum(0) + (0 if module.bias is None else module.bias)
    return torch.stack([added(norm, piece, whole).norm(dim=1) for piece in pieces], dim=1).numpy()
