"""Model opening from every kind of source; a network in memory is not changed."""

import os
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from transformers import AutoModelForCausalLM, BertConfig, BertForMaskedLM, GPT2Config, GPT2Model

from analysis.errors import ModelError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.open import open_model, wrap_model
from analysis.summary import compute_summary
from analysis.trace import Prompt
from tests.analysis.conftest import assert_same
from tests.gguf_files import tiny, write_gguf
from tests.tiny import BUNDLED, byte_level_tokenizer

FOX = Prompt("memory", "The fox met a crow")
HUB_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def users(tiny_model: LanguageModel) -> Any:
    """A network of every family as someone is training it, in transformers' own default attention."""
    default = "sdpa" if tiny_model.network._supports_sdpa else "eager"
    network = AutoModelForCausalLM.from_config(deepcopy(tiny_model.network.config), attn_implementation=default)
    network.load_state_dict(tiny_model.network.state_dict())
    return network.train()


@pytest.fixture
def folder(tmp_path: Path, bundled_model: LanguageModel) -> Path:
    """A folder of the bundled model's weights."""
    path = tmp_path / "mine"
    bundled_model.network.save_pretrained(path)
    bundled_model.tokenizer.save_pretrained(path)
    return path


def test_a_model_in_memory_computes_what_it_computed(users: Any, tiny_model: LanguageModel):
    adopted = open_model((users, tiny_model.tokenizer))
    assert adopted.info == tiny_model.info
    assert_same(compute_trace(adopted, FOX), compute_trace(tiny_model, FOX))
    ids = torch.tensor([adopted.tokenize(FOX.text)])
    with torch.no_grad():
        logits = users.eval()(ids).logits[0].numpy()
    assert_allclose(compute_trace(adopted, FOX).logits(), logits, atol=1e-5)


def test_a_model_in_memory_is_left_as_it_is(users: Any, tiny_model: LanguageModel):
    ran: list[int] = []
    users.get_submodule(tiny_model.family.final_norm).register_forward_hook(lambda *_: ran.append(1))
    weights = {name: weight.clone() for name, weight in users.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in users.named_modules()}
    random, attention = torch.get_rng_state(), users.config._attn_implementation
    compute_trace(wrap_model(users, tiny_model.tokenizer), FOX)
    assert users.training
    assert users.config._attn_implementation == attention
    assert all(weight.requires_grad and weight.grad is None for weight in users.parameters())
    assert {name: set(vars(module)) for name, module in users.named_modules()} == attributes
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in users.modules()) == 1
    assert not ran
    assert all(torch.equal(weight, weights[name]) for name, weight in users.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    ids = torch.tensor([tiny_model.tokenize(FOX.text)])
    users(ids, labels=ids).loss.backward()  # training goes on
    assert all(weight.grad is not None for weight in users.parameters())


def test_a_model_in_memory_costs_no_second_one(users: Any, tiny_model: LanguageModel):
    adopted = wrap_model(users, tiny_model.tokenizer)
    shared = {weight.data_ptr() for weight in users.parameters()}
    assert {weight.data_ptr() for weight in adopted.network.parameters()} == shared


def test_what_was_trained_since_is_seen(tiny_gpt2: LanguageModel):
    network = deepcopy(tiny_gpt2.network)
    before = open_model((network, tiny_gpt2.tokenizer)).info.fingerprint
    with torch.no_grad():
        network.transformer.wpe.weight[0] += 1
    assert open_model((network, tiny_gpt2.tokenizer)).info.fingerprint != before


def test_half_precision_is_read_as_full(tiny_gpt2: LanguageModel):
    network = deepcopy(tiny_gpt2.network).to(torch.bfloat16)
    adopted = wrap_model(network, tiny_gpt2.tokenizer)
    assert {weight.dtype for weight in adopted.network.parameters()} == {torch.float32}
    assert {weight.dtype for weight in network.parameters()} == {torch.bfloat16}


@pytest.mark.long
def test_a_folder_is_read_once_until_it_changes(folder: Path, tiny_gpt2: LanguageModel):
    model = open_model(str(folder))
    assert open_model(folder) is model is open_model(folder)
    with torch.no_grad():
        retrained = deepcopy(model.network)
        retrained.transformer.wpe.weight.add_(1)
    retrained.save_pretrained(folder)
    later = folder.stat().st_mtime + 10
    os.utime(folder / "model.safetensors", (later, later))
    assert open_model(folder).info.fingerprint != model.info.fingerprint
    assert open_model(tiny_gpt2) is tiny_gpt2
    assert open_model("bundled").info == model.info


def test_a_gguf_file_is_read_once_until_it_changes(tmp_path: Path):
    path = write_gguf(tiny("llama"), tmp_path / "fox.gguf")
    model = open_model(str(path))
    assert open_model(path) is model
    assert model.info.weights_note == "4-bit weights, dequantized"
    write_gguf(tiny("llama", seed=1), path)
    os.utime(path, (path.stat().st_mtime + 10,) * 2)
    assert open_model(path).info.fingerprint != model.info.fingerprint
    with pytest.raises(ModelError, match=r"no folder or GGUF file has this path"):
        open_model(tmp_path / "absent.gguf")


@pytest.mark.long
def test_what_was_downloaded_is_found(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cache = tmp_path / "hub" / "models--someone--stories"
    shutil.copytree(folder, cache / "snapshots" / HUB_COMMIT)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(HUB_COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    model = open_model("someone/stories")
    assert model.name == "someone/stories"
    assert model.info == open_model("bundled").info
    assert open_model(f"someone/stories@{HUB_COMMIT}").info == model.info
    with pytest.raises(ModelError, match="no model 'someone/stories@other' on this machine"):
        open_model("someone/stories@other")


@pytest.mark.parametrize("name", ["someone/unheard-of", "two words", "", "../nowhere", "a/b/c", "x" * 500])
def test_an_unknown_name_is_refused_in_words(name: str):
    with pytest.raises(ModelError, match=f"no model '{name[:60]}' on this machine"):
        open_model(name)


@pytest.mark.parametrize("source", [5, None, ("one",), (1, 2, 3), ["bundled"]])
def test_what_is_no_source_is_refused_in_words(source: Any):
    with pytest.raises(ModelError, match=f"this is a {type(source).__name__}"):
        open_model(source)


def test_what_is_no_language_model_is_refused_in_words(tiny_gpt2: LanguageModel):
    network, tokenizer = tiny_gpt2.network, tiny_gpt2.tokenizer
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    with pytest.raises(ModelError, match="a pair of a transformers model and its fast tokenizer; these are a Linear"):
        wrap_model(nn.Linear(2, 2), tokenizer)
    with pytest.raises(ModelError, match="a GPT2LMHeadModel and a str"):
        wrap_model(network, "gpt2")
    with pytest.raises(ModelError, match="bert"):
        wrap_model(BertForMaskedLM(BertConfig(**shape)), tokenizer)
    with pytest.raises(ModelError, match="A GPT2Model is not supported, but a GPT2LMHeadModel is"):
        wrap_model(GPT2Model(GPT2Config(n_embd=8, n_layer=1, n_head=1)), tokenizer)
    with pytest.raises(ModelError, match="weights that are not in memory"):
        wrap_model(deepcopy(network).to("meta"), tokenizer)


def test_weights_that_are_not_the_configurations_are_refused_in_words(tiny_gpt2: LanguageModel):
    network = deepcopy(tiny_gpt2.network)
    network.transformer.h[0].mlp = nn.Sequential(network.transformer.h[0].mlp)  # as adapters and quantization do
    with pytest.raises(ModelError, match=r"h\.0\.mlp is a Sequential, not a GPT2MLP"):
        wrap_model(network, byte_level_tokenizer())


@pytest.mark.long
def test_the_bundled_model_is_known_by_its_name(bundled_model: LanguageModel):
    assert open_model("bundled") is open_model("bundled")
    assert open_model("bundled").info == open_model(BUNDLED).info == bundled_model.info


# A network in memory computes what it computed, or is refused.


def logits_of(network: Any, model: LanguageModel, text: str) -> Any:
    with torch.no_grad():
        return network.eval()(torch.tensor([model.tokenize(text)])).logits[0]


def test_an_output_head_of_its_own_stays_its_own(users: Any, tiny_model: LanguageModel):
    """Though the configuration says that it is tied; and one that is tied stays tied."""
    tied = users.get_output_embeddings().weight is users.get_input_embeddings().weight
    adopted = wrap_model(users, tiny_model.tokenizer)
    assert compute_summary(adopted.network, adopted.family).tied == tied
    head = users.get_output_embeddings()
    head.weight = nn.Parameter(torch.randn_like(head.weight) * 0.2)
    adopted = wrap_model(users, tiny_model.tokenizer)
    assert not compute_summary(adopted.network, adopted.family).tied
    expected = logits_of(users, adopted, FOX.text)
    assert_allclose(compute_trace(adopted, FOX).logits(), expected, atol=1e-5)
    model_logits = compute_trace(tiny_model, FOX).logits()
    assert abs(expected.numpy() - model_logits).max() > 0.01


def test_a_head_that_the_configuration_unties_may_be_tied(tiny_gpt2: LanguageModel):
    config = deepcopy(tiny_gpt2.network.config)
    config.tie_word_embeddings = False
    network = AutoModelForCausalLM.from_config(config)
    network.lm_head.weight = network.transformer.wte.weight
    adopted = wrap_model(network, tiny_gpt2.tokenizer)
    assert compute_summary(adopted.network, adopted.family).tied
    assert_allclose(compute_trace(adopted, FOX).logits(), logits_of(network, adopted, FOX.text), atol=1e-5)


def changed_epsilon(network: Any) -> None:
    network.transformer.ln_f.eps = 0.1


def own_forward(network: Any) -> None:
    network.transformer.h[1].mlp.forward = lambda hidden: hidden * 2


def shared_block(network: Any) -> None:
    network.transformer.h[2] = network.transformer.h[1]


def other_activation(network: Any) -> None:
    network.transformer.h[0].mlp.act = nn.ReLU()


def with_lora(network: Any) -> None:
    network.transformer.h[0].attn.lora_A = nn.Linear(32, 4)


def packed(network: Any) -> None:
    network.lm_head.weight = nn.Parameter(torch.zeros(300, 32, dtype=torch.int8), requires_grad=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_epsilon, r"does not match its configuration: eps of its module transformer\.ln_f is 0\.1, not 1e-05"),
        (own_forward, r"its module transformer\.h\.1\.mlp has a forward function of its own"),
        (shared_block, r"it lacks the module transformer\.h\.2"),
        (other_activation, r"its module transformer\.h\.0\.mlp\.act is a ReLU, not a NewGELUActivation"),
        (with_lora, r"it has LoRA adapters\. Call merge_and_unload"),
        (packed, "The weights of 'GPT2LMHeadModel' are quantized"),
    ],
)
def test_a_network_that_would_compute_something_else_is_refused(tiny_gpt2: LanguageModel, change: Any, message: str):
    network = deepcopy(tiny_gpt2.network)
    change(network)
    with pytest.raises(ModelError, match=message):
        wrap_model(network, tiny_gpt2.tokenizer)


def test_what_is_set_for_training_makes_no_difference(users: Any, tiny_model: LanguageModel):
    users.gradient_checkpointing_enable()
    for module in users.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.3
    assert_same(compute_trace(wrap_model(users, tiny_model.tokenizer), FOX), compute_trace(tiny_model, FOX))
