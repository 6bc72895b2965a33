"""Model preparation: freeze a network, measure it, install hooks; refuse variants that would be shown wrongly."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from analysis.errors import ModelError
from analysis.families import Family, block_norms, family_of, is_parallel
from analysis.model_info import ModelInfo
from analysis.models.hooks import install_hooks, last_map
from analysis.models.language_model import LanguageModel
from analysis.tokens import Vocabulary

_ATTENTION = {"full_attention", "sliding_attention"}


def prepare_model(name: str, network: Any, tokenizer: Any, *, weights_note: str = "") -> LanguageModel:
    """Prepare a network that is in memory. weights_note: as in `ModelInfo`.

    Raises: ModelError for a family, or a variant of a family, that would be shown wrongly.
    """
    family = family_of(network.config.model_type)
    network.eval().requires_grad_(False)
    refuse_variants(network, family)
    info = measure(network, family)
    info = replace(info, weights_note=weights_note or info.weights_note)
    install_hooks(network, family, info.n_heads)
    return LanguageModel(name, network, family, info, _vocabulary(tokenizer, info.n_vocab), tokenizer)


def refuse_variants(network: Any, family: Family) -> None:
    """Refuse a variant of a family that would be shown wrongly.

    Raises: ModelError with the reason.
    """
    decoder = family.final_norm.rpartition(".")[0]
    norm = getattr(network.get_submodule(decoder), family.final_norm.rpartition(".")[2], None)
    if norm is None or getattr(network.get_submodule(decoder), "project_out", None) is not None:
        raise ModelError(
            f"This {family.name} model is not supported: it has its norms after its blocks or projects its output, as "
            "opt-350m does, so the output head cannot be applied to its residual stream directly."
        )
    if getattr(network.config, "add_cross_attention", False):
        raise ModelError(f"This {family.name} model is not supported: it attends to a second text.")
    if getattr(network.config, "use_bidirectional_attention", False) or not getattr(network.config, "is_causal", True):
        raise ModelError(
            f"This {family.name} model is not supported: it attends to later tokens, as models that embed texts do. "
            "Choose a model that predicts the next token."
        )
    if others := set(getattr(network.config, "layer_types", None) or ()) - _ATTENTION:
        raise ModelError(
            f"This {family.name} model is not supported: some of its blocks have no attention weights that can be "
            f"drawn, but {' and '.join(sorted(others))}."
        )


def measure(network: Any, family: Family) -> ModelInfo:
    """Measure a network. Without weights, it has a different fingerprint than with them."""
    config = network.config
    blocks = network.get_submodule(family.blocks)
    return ModelInfo(
        family=family.name,
        n_blocks=len(blocks),
        n_heads=config.num_attention_heads,
        d_model=config.hidden_size,
        d_head=last_map(blocks[0].get_submodule(family.attention_out)).shape[0] // config.num_attention_heads,
        n_neurons=last_map(blocks[0].get_submodule(family.mlp_out)).shape[0],
        n_vocab=network.get_output_embeddings().weight.shape[0],
        max_positions=config.max_position_embeddings,
        n_parameters=sum(parameter.numel() for parameter in network.parameters()),
        fingerprint=_fingerprint(network),
        untrained=_untrained(network, family),
        parallel=is_parallel(config, family),
        weights_note=getattr(config, "weights_note", ""),
    )


def _fingerprint(network: Any) -> str:
    config = network.config.to_diff_dict()
    for set_by_saving in ("architectures", "dtype"):
        config.pop(set_by_saving, None)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for name, parameter in network.named_parameters():
        digest.update(f"{name}{tuple(parameter.shape)}".encode())
        digest.update(b"no weights" if parameter.is_meta else parameter.detach().contiguous().numpy().data)
    return digest.hexdigest()[:32]


def _untrained(network: Any, family: Family) -> bool:
    """Whether all norms still have their initial values: each weight equals the others, as before the first step.

    Of a family whose norms have no weights, this is not known, and it passes as trained.
    """
    blocks = network.get_submodule(family.blocks)
    norms = [norm for block in blocks for norm in block_norms(block, family)]
    norms.append(network.get_submodule(family.final_norm))
    parameters = [parameter for norm in norms for parameter in norm.parameters()]
    if not parameters or parameters[0].is_meta:
        return False
    return all(bool((parameter == parameter.flatten()[0]).all()) for parameter in parameters)


def _vocabulary(tokenizer: Any, n_scored: int | None = None) -> Vocabulary:
    pieces = [""] * (max(tokenizer.get_vocab().values()) + 1)
    for piece, token_id in tokenizer.get_vocab().items():
        pieces[token_id] = piece
    decoder = json.loads(tokenizer.backend_tokenizer.to_str())["decoder"]
    return Vocabulary(
        pieces,
        byte_level="ByteLevel" in json.dumps(decoder),
        literal=frozenset(tokenizer.added_tokens_decoder),
        n_scored=n_scored,
    )
