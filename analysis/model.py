"""Models: the only place where one is loaded: in float32 on the CPU, frozen, from safetensors, without remote code."""

import hashlib
import json
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

import torch
import transformers.utils
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.activations import NewGELUActivation
from transformers.utils.logging import disable_progress_bar

from analysis.capture import install_hooks, last_map
from analysis.errors import ModelError
from analysis.families import Family, family_of, logit_cap
from analysis.tokens import Vocabulary
from analysis.trace import ModelInfo

disable_progress_bar()  # of a load: a server's log is no terminal
with patch.object(transformers.utils, "is_scipy_available", return_value=False):
    # Where SciPy is there, transformers imports it, 40 MB of each process, for losses of object detection.
    import transformers.loss.loss_utils

_BUILDING = Lock()  # transformers changes torch's own functions while it makes a network


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


def load_model(path: Path, *, name: str | None = None) -> LanguageModel:
    """The model in a folder as Hugging Face's `save_pretrained` writes it.

    Raises: ModelError for a folder without a readable, complete model, or a family without a row in `families.py`.
    """
    name = name or path.name
    try:
        return _load(path, name)
    except ModelError:
        raise
    except Exception as error:  # what is wrong with foreign files comes as errors of many kinds
        raise _unreadable(name, path, error) from error


def _load(path: Path, name: str) -> LanguageModel:
    family_of(json.loads((path / "config.json").read_text())["model_type"])
    with _BUILDING:
        network, loading = AutoModelForCausalLM.from_pretrained(  # memory-mapped: processes share it
            path,
            dtype=torch.float32,
            attn_implementation="eager",  # the default one returns no attention, without an error
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if missing := sorted(loading["missing_keys"]):  # they would be random, and shown as if they were the model's
        raise ModelError(f"The model '{name}' is incomplete: {len(missing)} weights are missing, such as {missing[0]}.")
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise ModelError(f"The model '{name}' has no tokenizer. Put its tokenizer.json into the folder.")
    return prepare_model(name, network, tokenizer)


def prepare_model(name: str, network: Any, tokenizer: Any) -> LanguageModel:
    """Make a network that is in memory ready to be explored: frozen, with hooks, measured.

    Raises: ModelError for a family, or a variant of one, that would be shown wrongly.
    """
    family = family_of(network.config.model_type)
    network.eval().requires_grad_(False)
    refuse_variants(network, family)
    info = measure(network, family)
    install_hooks(network, family, info.n_heads)
    return LanguageModel(name, network, family, info, _vocabulary(tokenizer), tokenizer)


def fuse_activations(network: nn.Module) -> None:
    """Let torch compute GPT-2's activation function in one step: the same function, faster with gradients."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, nn.GELU("tanh"))


def fuse_attention(network: Any) -> None:
    """Let torch compute attention in one step, without keeping the weights: the same sums, faster and smaller.

    Not where it caps attention scores, which the fused function cannot, nor where a family is not written for it.
    """
    if network._supports_sdpa and getattr(network.config, "attn_logit_softcapping", None) is None:
        network.set_attn_implementation("sdpa")


def network_without_weights(config: Any) -> Any:
    """The network of a configuration with exact shapes and no memory (on torch's meta device)."""
    with _BUILDING, torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def share_weights(network: nn.Module, memory: mmap) -> None:
    """Move a network's weights into memory that other processes see, which may do the same with the same weights."""
    offset = 0
    for weight in network.parameters():
        shared = torch.frombuffer(memory, dtype=torch.float32, count=weight.numel(), offset=offset).view_as(weight)
        shared.copy_(weight)
        weight.data = shared
        offset += shared.nbytes


def new_configuration(model_type: str, **sizes: int) -> Any:
    """The configuration of a family with these sizes."""
    return AutoConfig.for_model(model_type, **sizes)


def read_configuration(path: Path, *, name: str | None = None) -> Any:
    """The configuration in a model's folder.

    Raises: ModelError if it cannot be read, or is of a family without a row in `families.py`.
    """
    name = name or path.name
    try:
        family_of(json.loads((path / "config.json").read_text())["model_type"])
        return AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except ModelError:
        raise
    except Exception as error:  # what is wrong with foreign files comes as errors of many kinds
        raise _unreadable(name, path, error) from error


def use_one_thread() -> None:
    """Let torch and numpy compute with one thread in this process, as a web process must: its requests are the threads.

    Two of numpy's, on cores that others use too, wait for each other by computing: that cost ten times the time of one.
    """
    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")


def use_threads(n_threads: int) -> int:
    """Let torch compute with so many threads, as a job may in a process of its own; gives the number, at least 1."""
    torch.set_num_threads(max(1, n_threads))
    return max(1, n_threads)


def refuse_variants(network: Any, family: Family) -> None:
    """Raises: ModelError for a variant of the family that would be shown wrongly."""
    decoder = family.final_norm.rpartition(".")[0]
    norm = getattr(network.get_submodule(decoder), family.final_norm.rpartition(".")[2], None)
    if norm is None or getattr(network.get_submodule(decoder), "project_out", None) is not None:
        raise ModelError(
            f"This {family.name} model norms after its blocks or projects its output (opt-350m does); "
            "it is not supported, since its residual stream could not be read by the output directly."
        )
    if getattr(network.config, "add_cross_attention", False):
        raise ModelError(f"This {family.name} model attends to a second text; only language models are supported.")
    if getattr(network.config, "use_bidirectional_attention", False) or not getattr(network.config, "is_causal", True):
        raise ModelError(
            f"This {family.name} model attends to later tokens too (it embeds texts); only models that predict the "
            "next token are supported."
        )


def measure(network: Any, family: Family) -> ModelInfo:
    """A network's sizes; one without weights has a fingerprint of its own."""
    config = network.config
    blocks = network.get_submodule(family.blocks)
    return ModelInfo(
        family=family.name,
        n_blocks=len(blocks),
        n_heads=config.num_attention_heads,
        d_model=config.hidden_size,
        n_neurons=last_map(blocks[0].get_submodule(family.mlp_out)).shape[0],
        n_vocab=network.get_output_embeddings().weight.shape[0],
        max_positions=config.max_position_embeddings,
        n_parameters=sum(parameter.numel() for parameter in network.parameters()),
        fingerprint=_fingerprint(network),
        untrained=_untrained(network, family),
    )


def _fingerprint(network: Any) -> str:
    config = network.config.to_diff_dict()
    for of_its_file in ("architectures", "dtype"):  # saving a model sets them, too
        config.pop(of_its_file, None)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for name, parameter in network.named_parameters():
        digest.update(f"{name}{tuple(parameter.shape)}".encode())
        digest.update(b"no weights" if parameter.is_meta else parameter.detach().contiguous().numpy().data)
    return digest.hexdigest()[:32]


def _untrained(network: Any, family: Family) -> bool:
    """Whether every norm's weights are all equal, as they are before the first step of training."""
    blocks = network.get_submodule(family.blocks)
    norms = [block.get_submodule(path) for block in blocks for path in family.norms]
    norms.append(network.get_submodule(family.final_norm))
    parameters = [parameter for norm in norms for parameter in norm.parameters()]
    if not parameters or parameters[0].is_meta:
        return False
    return all(bool((parameter == parameter.flatten()[0]).all()) for parameter in parameters)


def _unreadable(name: str, path: Path, error: Exception) -> ModelError:
    words = str(error).replace(str(path), path.name)  # visitors read it, too
    return ModelError(
        f"The model '{name}' cannot be read. It must be a folder with config.json, weights as safetensors and a "
        f"tokenizer; here: {words}"
    )


def _vocabulary(tokenizer: Any) -> Vocabulary:
    pieces = [""] * (max(tokenizer.get_vocab().values()) + 1)
    for piece, token_id in tokenizer.get_vocab().items():
        pieces[token_id] = piece
    decoder = json.loads(tokenizer.backend_tokenizer.to_str())["decoder"]
    return Vocabulary(
        pieces,
        byte_level="ByteLevel" in json.dumps(decoder),
        literal=frozenset(tokenizer.added_tokens_decoder),
    )
