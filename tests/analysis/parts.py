"""Parts of each family's network, named a second time independently of `analysis/families.py`, to check its table."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Of families that norm what attention and MLP write: the two norms.
NORMS_AFTER = {
    **dict.fromkeys(
        ("gemma2", "gemma3_text", "olmo2", "olmo3", "exaone4"),
        ("post_attention_layernorm", "post_feedforward_layernorm"),
    ),
    "glm4": ("post_self_attn_layernorm", "post_mlp_layernorm"),
}


class Parts:
    """The modules of a network; lists have one module per block.

    neurons: from an MLP (of OPT, its first map) and what enters it. values: from an attention and what enters it,
    (n_positions, key-value heads, d_head). norms_after: what attention and MLP write goes through these, or None.
    """

    def __init__(self, network: Any) -> None:
        config = network.config
        self.kind = config.model_type
        self.config, self.gemma = config, "gemma" in self.kind
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
            "starcoder2": ("model", "layers", "norm", "self_attn", "self_attn.o_proj", "mlp", "mlp.c_proj"),
            "nanochat": ("model", "layers", "norm", "self_attn", "self_attn.o_proj", "mlp", "mlp.fc2"),
        }.get(self.kind, ("model", "layers", "norm", "self_attn", "self_attn.o_proj", "mlp", "mlp.down_proj"))
        # fmt: on
        self.decoder = network.get_submodule(decoder)
        self.blocks, self.norm = getattr(self.decoder, blocks), getattr(self.decoder, norm)
        self.attention, self.attention_out, self.mlp, self.mlp_out = (
            [block.get_submodule(path) for block in self.blocks] for path in (attention, attention_out, mlp, mlp_out)
        )
        after = NORMS_AFTER.get(self.kind)
        self.norms_after = [
            (getattr(block, after[0]), getattr(block, after[1])) if after else (None, None) for block in self.blocks
        ]
        self.attention_written, self.mlp_written = self.attention, self.mlp_out
        if after:
            self.attention_written, self.mlp_written = (list(norms) for norms in zip(*self.norms_after, strict=True))
        self.head = network.get_output_embeddings()
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
            "starcoder2": lambda mlp, x: new_gelu(mlp.c_fc(x)),
            "nanochat": lambda mlp, x: F.relu(mlp.fc1(x)) ** 2,
            **dict.fromkeys(
                ("phi3", "glm", "glm4"),
                lambda mlp, x: F.silu(mlp.gate_up_proj(x)[..., :80]) * mlp.gate_up_proj(x)[..., 80:],
            ),
            **dict.fromkeys(("arcee", "jais2", "nemotron"), lambda mlp, x: F.relu(mlp.up_proj(x)) ** 2),
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
        clip = getattr(self.config, "clip_qkv", None)
        return module.v_proj(x) if clip is None else module.v_proj(x).clamp(-clip, clip)

    def logits(self, stream: Tensor) -> Tensor:
        """What the model would predict from a stream: the final norm, the output head and the cap written out."""
        norm = {name: weight.to(stream.dtype) for name, weight in self.norm.named_parameters()}
        if "bias" in norm or self.kind == "olmo":  # LayerNorm
            stream = stream - stream.mean(-1, keepdim=True)
            eps = 1e-5
        else:
            eps = self.config.rms_norm_eps
        gains = norm.get("weight", 1) + (1 if self.gemma or self.kind == "nemotron" else 0)
        normed = stream / (stream.pow(2).mean(-1, keepdim=True) + eps).sqrt() * gains + norm.get("bias", 0)
        head = {name: weight.to(stream.dtype) for name, weight in self.head.named_parameters()}
        logits = normed @ head["weight"].T + head.get("bias", 0)
        capped = self.kind in ("gemma2", "gemma3_text", "vaultgemma", "nanochat")
        return 4 * torch.tanh(logits / 4) if capped else logits


def added(norm: Any, piece: Tensor, whole: Tensor) -> Tensor:
    """What a piece of what a part writes adds to the stream: through the norm, its size taken from the whole."""
    if norm is None:
        return piece
    gemma = hasattr(norm, "eps")
    eps, gains = (norm.eps, 1 + norm.weight) if gemma else (norm.variance_epsilon, norm.weight)
    return piece / (whole.pow(2).mean(-1, keepdim=True) + eps).sqrt() * gains


def explicit_norms(inputs: Tensor, module: Any, width: int, norm: Any) -> Any:
    """‖x_g W_g‖ of each group of `width` inputs, in float64, one product after another; after the norm, if any."""
    weight = module.weight.double()
    weight = weight.T if isinstance(module, torch.nn.Linear) else weight
    x = inputs.reshape(-1, inputs.shape[-1]).double()
    pieces = [x[:, s : s + width] @ weight[s : s + width] for s in range(0, x.shape[1], width)]
    whole = torch.stack(pieces).sum(0) + (0 if module.bias is None else module.bias)
    return torch.stack([added(norm, piece, whole).norm(dim=1) for piece in pieces], dim=1).numpy()
