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
        From a block: all modules of its MLP, and all its norms, of which a configuration may leave some out.
    positions
        From the model: the table of learned positions; None if positions are rotations inside the attention.
    attention_norm, mlp_norm
        From a block: the RMSNorm after attention or MLP, before its output is added to the residual stream; None if
        there is none.
    logit_cap
        The configuration's name for c in a model whose logits are c·tanh(logit / c); None if they are not capped.
    parallel
        Whether attention and MLP of a block read the same residual stream, or the configuration's name for that.
    values
        From a block: the linear map whose output ends with the values of all heads.
    values_by_head
        Whether that output has query, key and value of one head, then those of the next.
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
    values: str = "self_attn.v_proj"
    values_by_head: bool = False


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

_CAP = "final_logit_softcapping"

_GEMMA2 = replace(
    _LLAMA,
    name="Gemma 2",
    norms=(
        "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm",
    ),
    attention_norm="post_attention_layernorm",
    mlp_norm="post_feedforward_layernorm",
    logit_cap=_CAP,
)  # fmt: skip

_OLMO2 = replace(
    _LLAMA,
    name="OLMo 2",
    norms=("post_attention_layernorm", "post_feedforward_layernorm"),
    attention_norm="post_attention_layernorm",
    mlp_norm="post_feedforward_layernorm",
)

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
        values="attn.c_attn",
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
        values="attn.attention.v_proj",
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
        values="attn.v_proj",
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
        values="attention.query_key_value",
        values_by_head=True,
    ),
    "llama": _LLAMA,
    "mistral": replace(_LLAMA, name="Mistral"),
    "qwen2": replace(_LLAMA, name="Qwen2"),
    "qwen3": replace(_LLAMA, name="Qwen3"),
    "phi3": replace(_LLAMA, name="Phi-3", values="self_attn.qkv_proj"),
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
    "gemma": replace(_LLAMA, name="Gemma"),
    "vaultgemma": replace(
        _LLAMA, name="VaultGemma", norms=("input_layernorm", "pre_feedforward_layernorm"), logit_cap=_CAP
    ),
    "smollm3": replace(_LLAMA, name="SmolLM3"),
    "stablelm": replace(_LLAMA, name="StableLM", parallel="use_parallel_residual"),
    "starcoder2": replace(_LLAMA, name="StarCoder2", mlp_out="mlp.c_proj"),
    "olmo": replace(_LLAMA, name="OLMo"),
    "olmo2": _OLMO2,
    "olmo3": replace(_OLMO2, name="OLMo 3"),
    "ministral": replace(_LLAMA, name="Ministral"),
    "ministral3": replace(_LLAMA, name="Ministral 3"),
    "seed_oss": replace(_LLAMA, name="Seed-OSS"),
    "helium": replace(_LLAMA, name="Helium"),
    "arcee": replace(_LLAMA, name="Arcee"),
    "cwm": replace(_LLAMA, name="CWM"),
    "ernie4_5": replace(_LLAMA, name="ERNIE 4.5"),
    "hunyuan_v1_dense": replace(_LLAMA, name="Hunyuan"),
    "jais2": replace(_LLAMA, name="Jais 2"),
    "nemotron": replace(_LLAMA, name="Nemotron"),
    "glm": replace(_LLAMA, name="GLM"),
    "glm4": replace(
        _LLAMA,
        name="GLM-4",
        norms=("input_layernorm", "post_self_attn_layernorm", "post_attention_layernorm", "post_mlp_layernorm"),
        attention_norm="post_self_attn_layernorm",
        mlp_norm="post_mlp_layernorm",
    ),
    "exaone4": replace(_OLMO2, name="EXAONE 4"),
    "nanochat": replace(_LLAMA, name="nanochat", mlp_out="mlp.fc2", logit_cap=_CAP),
}

_BOTH_WAYS = "it reads a text in both directions and does not predict the next token"
_TWO_STACKS = "it has an encoder and a decoder, but only a single stack of blocks can be drawn"
_EXPERTS = "its MLPs choose between experts, so a block has no fixed neurons"
_NO_ATTENTION = "it has no attention"
_HYBRID = "some of its blocks have linear attention, a state space or a convolution instead of attention weights"
_SCALED = (
    "it scales what its blocks add to the residual stream, or its logits, so that parts would not sum to the whole"
)
_REFUSED = {
    _BOTH_WAYS: ("bert", "roberta", "distilbert"),
    _TWO_STACKS: ("t5", "bart"),
    _EXPERTS: (
        "mixtral", "qwen2_moe", "qwen3_moe", "gpt_oss", "olmoe", "flex_olmo", "phimoe", "dbrx", "llama4_text",
        "deepseek_v2", "deepseek_v3", "dots1", "ernie4_5_moe", "exaone_moe", "glm4_moe", "hunyuan_v1_moe", "minimax_m2",
    ),
    _NO_ATTENTION: ("mamba", "mamba2", "falcon_mamba", "rwkv", "xlstm"),
    _HYBRID: (
        "bamba", "falcon_h1", "granitemoehybrid", "jamba", "kimi_linear", "lfm2", "lfm2_moe", "lfm3", "minimax",
        "nemotron_h", "olmo_hybrid", "qwen3_5_text", "qwen3_5_moe_text", "qwen3_next", "recurrent_gemma", "zamba",
        "zamba2",
    ),
    _SCALED: (
        "cohere", "cohere2", "granite", "granite_swa", "granitemoe", "granitemoeshared", "hyperclovax", "minicpm3",
    ),
    "it also reads images; the text-only Gemma 3 is 'gemma3_text'": ("gemma3",),
}  # fmt: skip
_REASONS = {model_type: reason for reason, model_types in _REFUSED.items() for model_type in model_types}


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


def block_norms(block: Any, family: Family) -> list[Any]:
    """The norms of a block. StableLM has no second one if its attention and MLP are parallel."""
    return [norm for path in family.norms if (norm := getattr(block, path, None)) is not None]
