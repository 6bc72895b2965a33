"""How each model family names its parts: one row a family, and the only file that knows such names.

Paths are dotted attribute names, from the Hugging Face causal-LM object (`blocks`, `final_norm`, ...) or from one block
(`attention`, ...). `attention_out` and `mlp_out` are the last linear maps: their inputs are the concatenated heads and
the neurons.
"""

from dataclasses import dataclass

from analysis.errors import ModelError


@dataclass(frozen=True)
class Family:
    """One row: where a family keeps its parts."""

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
    ),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
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
}


def family_of(model_type: str) -> Family:
    """The row for a configuration's `model_type`.

    Raises: ModelError for a family without a row; it is never guessed.
    """
    if model_type not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise ModelError(f"The model is of the family '{model_type}', which is not supported. Supported: {known}.")
    return FAMILIES[model_type]
