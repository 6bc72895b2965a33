"""Model families: one row per family with the names of its parts, which no other file knows.

Names are dotted attribute paths, which start at transformers' causal language model or at one of its blocks.
"""

from dataclasses import dataclass, replace
from typing import Any

from analysis.errors import ModelError


@dataclass(frozen=True)
class Family:
    """The attribute paths of a family's parts.

    Attributes
    ----------
    name
        The family's name on the page.
    blocks, embedding, final_norm
        From the model: the list of blocks, the token embedding, and the norm before the output head.
    attention
        From a block: the module whose second output is the attention weights.
    attention_out, mlp_out
        From a block: the last linear maps, whose inputs are the concatenated heads and the neurons.
    mlp, norms
        From a block: all modules of its MLP, and all its norms.
    positions
        From the model: the table of learned positions; None if positions are rotations inside the attention.
    attention_norm, mlp_norm
        From a block: the RMSNorm after attention or MLP, before its output is added to the residual stream; None if
        there is none.
    logit_cap
        The configuration's name for c in a model whose logits are c·tanh(logit / c); None if they are not capped.
    parallel
        Whether attention and MLP of a block read the same residual stream, or the configuration's name for that.
    """

    name: str
    blocks: str
    embedding: str
    final_norm: str
    attention: str
    attention_out: str
    mlp_out: str
    mlp: tuple[str, ...]
    norms: tuple[str, ...]
    positions: str | None = None
    attention_norm: str | None = None
    mlp_norm: str | None = None
    logit_cap: str | None = None
    parallel: bool | str = False


_LLAMA = Family(
    name="Llama",
    blocks="model.layers",
    embedding="model.embed_tokens",
    final_norm="model.norm",
    attention="self_attn",
    attention_out="self_attn.o_proj",
    mlp_out="mlp.down_proj",
    mlp=("mlp",),
    norms=("input_layernorm", "post_attention_layernorm"),
)

_GEMMA2 = replace(
    _LLAMA,
    name="Gemma 2",
    norms=(
        "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm",
    ),
    attention_norm="post_attention_layernorm",
    mlp_norm="post_feedforward_layernorm",
    logit_cap="final_logit_softcapping",
)  # fmt: skip

FAMILIES: dict[str, Family] = {
    "gpt2": Family(
        name="GPT-2",
        blocks="transformer.h",
        embedding="transformer.wte",
        positions="transformer.wpe",
        final_norm="transformer.ln_f",
        attention="attn",
        attention_out="attn.c_proj",
        mlp_out="mlp.c_proj",
        mlp=("mlp",),
        norms=("ln_1", "ln_2"),
    ),
    "gpt_neo": Family(
        name="GPT-Neo",
        blocks="transformer.h",
        embedding="transformer.wte",
        positions="transformer.wpe",
        final_norm="transformer.ln_f",
        attention="attn",
        attention_out="attn.attention.out_proj",
        mlp_out="mlp.c_proj",
        mlp=("mlp",),
        norms=("ln_1", "ln_2"),
    ),
    "gptj": Family(
        name="GPT-J",
        blocks="transformer.h",
        embedding="transformer.wte",
        final_norm="transformer.ln_f",
        attention="attn",
        attention_out="attn.out_proj",
        mlp_out="mlp.fc_out",
        mlp=("mlp",),
        norms=("ln_1",),
        parallel=True,
    ),
    "gpt_neox": Family(
        name="GPT-NeoX",
        blocks="gpt_neox.layers",
        embedding="gpt_neox.embed_in",
        final_norm="gpt_neox.final_layer_norm",
        attention="attention",
        attention_out="attention.dense",
        mlp_out="mlp.dense_4h_to_h",
        mlp=("mlp",),
        norms=("input_layernorm", "post_attention_layernorm"),
        parallel="use_parallel_residual",
    ),
    "llama": _LLAMA,
    "mistral": replace(_LLAMA, name="Mistral"),
    "qwen2": replace(_LLAMA, name="Qwen2"),
    "qwen3": replace(_LLAMA, name="Qwen3"),
    "phi3": replace(_LLAMA, name="Phi-3"),
    "gemma2": _GEMMA2,
    "gemma3_text": replace(_GEMMA2, name="Gemma 3"),
    "opt": Family(
        name="OPT",
        blocks="model.decoder.layers",
        embedding="model.decoder.embed_tokens",
        positions="model.decoder.embed_positions",
        final_norm="model.decoder.final_layer_norm",
        attention="self_attn",
        attention_out="self_attn.out_proj",
        mlp_out="fc2",
        mlp=("fc1", "fc2"),
        norms=("self_attn_layer_norm", "final_layer_norm"),
    ),
    "phi": Family(
        name="Phi",
        blocks="model.layers",
        embedding="model.embed_tokens",
        final_norm="model.final_layernorm",
        attention="self_attn",
        attention_out="self_attn.dense",
        mlp_out="mlp.fc2",
        mlp=("mlp",),
        norms=("input_layernorm",),
        parallel=True,
    ),
}

_BOTH_WAYS = "it reads a text in both directions and does not predict the next token"
_TWO_STACKS = "it has an encoder and a decoder, but only a single stack of blocks can be drawn"
_EXPERTS = "its MLPs choose between experts, so a block has no fixed neurons"
_REASONS = {
    "bert": _BOTH_WAYS, "roberta": _BOTH_WAYS, "distilbert": _BOTH_WAYS,
    "t5": _TWO_STACKS, "bart": _TWO_STACKS,
    "mixtral": _EXPERTS, "qwen2_moe": _EXPERTS, "qwen3_moe": _EXPERTS, "gpt_oss": _EXPERTS,
    "mamba": "it has no attention",
    "gemma3": "it also reads images; the text-only Gemma 3 is 'gemma3_text'",
}  # fmt: skip


def family_of(model_type: str) -> Family:
    """The row of a configuration's `model_type`.

    Raises: ModelError for a family without a row. The paths of unknown families are never guessed.
    """
    if model_type not in FAMILIES:
        reason = _REASONS.get(model_type, "the names of its parts are not known")
        raise ModelError(
            f"The model belongs to the family '{model_type}', which is not supported: {reason}. "
            f"Supported: {', '.join(sorted(FAMILIES))}."
        )
    return FAMILIES[model_type]


def logit_cap(config: Any, family: Family) -> float | None:
    """The bound of the logits' absolute values; None if they are not bounded."""
    return getattr(config, family.logit_cap) if family.logit_cap else None


def is_parallel(config: Any, family: Family) -> bool:
    """Whether the MLP of a block reads what its attention reads, rather than what its attention has added to it."""
    return bool(getattr(config, family.parallel)) if isinstance(family.parallel, str) else family.parallel
