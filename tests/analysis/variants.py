"""Variants of the families' tiny models: settings that change what is computed."""

from typing import Any

_LATE_WINDOW = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}

# What a family's shapes can be, besides the usual.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2 untied": ("gpt2", {"tie_word_embeddings": False}),
    "gpt2 few neurons": ("gpt2", {"n_inner": 50}),
    "gpt2 padded vocabulary": ("gpt2", {"vocab_size": 320}),
    "gpt_neox serial": ("gpt_neox", {"use_parallel_residual": False}),
    "gpt_neox one head": ("gpt_neox", {"num_attention_heads": 1}),
    "llama no groups": ("llama", {"num_key_value_heads": 4}),
    "llama wide heads": ("llama", {"num_key_value_heads": 1, "head_dim": 12}),
    "llama biased": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "mistral window": ("mistral", {"sliding_window": 5}),
    "qwen2 window": ("qwen2", _LATE_WINDOW),
    "qwen3 window": ("qwen3", _LATE_WINDOW),
    "phi3 window": ("phi3", {"sliding_window": 5}),
    "phi3 half rotated": ("phi3", {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}),
    "gpt_neo few neurons": ("gpt_neo", {"intermediate_size": 50}),
    "gptj tied": ("gptj", {"tie_word_embeddings": True, "rotary_dim": 8}),
    "gemma2 no caps": ("gemma2", {"final_logit_softcapping": None, "attn_logit_softcapping": None}),
    "gemma2 large epsilon": ("gemma2", {"rms_norm_eps": 0.1}),
    "gemma2 biased": ("gemma2", {"attention_bias": True, "tie_word_embeddings": False}),
    "gemma3 no groups": ("gemma3_text", {"num_key_value_heads": 4, "attention_bias": True}),
    "phi normed queries": ("phi", {"qk_layernorm": True, "num_key_value_heads": 2}),
    "stablelm parallel": ("stablelm", {"use_parallel_residual": True, "use_qkv_bias": True, "qk_layernorm": True}),
    "stablelm half rotated": ("stablelm", {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}),
    "olmo clipped": ("olmo", {"clip_qkv": 0.2}),
    "olmo2 large epsilon": ("olmo2", {"rms_norm_eps": 0.1, "attention_bias": True}),
    "seed_oss biased": ("seed_oss", {"attention_out_bias": True, "mlp_bias": True}),
    "ernie4_5 biased": ("ernie4_5", {"use_bias": True}),
    "exaone4 no window": ("exaone4", {"sliding_window": None, "layer_types": ["full_attention"] * 3}),
    "nanochat no cap": ("nanochat", {"final_logit_softcapping": None, "attention_bias": True}),
    "opt untied": ("opt", {"tie_word_embeddings": False}),
    "opt gelu": ("opt", {"activation_function": "gelu"}),
}
