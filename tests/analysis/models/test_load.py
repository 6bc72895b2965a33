import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits
from transformers import AutoModelForCausalLM, GPT2Config

from analysis.errors import ModelError
from analysis.machine.threads import use_one_thread
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model, network_without_weights
from analysis.models.prepare import prepare_model
from analysis.trace import Prompt
from tests.tiny import BUNDLED, byte_level_tokenizer, make_tiny

# facts: blocks, heads, d_model, parameters with the tied head counted once, per block, attention, MLP, norms of a block
GPT2_SIZES = {
    "distilgpt2": (6, 12, 768, 81_912_576, 7_087_872, 2_362_368, 4_722_432, 3_072),
    "gpt2": (12, 12, 768, 124_439_808, 7_087_872, 2_362_368, 4_722_432, 3_072),
    "gpt2-medium": (24, 16, 1024, 354_823_168, 12_596_224, 4_198_400, 8_393_728, 4_096),
    "gpt2-large": (36, 20, 1280, 774_030_080, 19_677_440, 6_558_720, 13_113_600, 5_120),
    "gpt2-xl": (48, 25, 1600, 1_557_611_200, 30_740_800, 10_246_400, 20_488_000, 6_400),
}


def count(*modules: Any) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as `save_pretrained` writes it."""
    path, model = tmp_path_factory.mktemp("model"), make_tiny("gpt2")
    model.network.save_pretrained(path)
    model.tokenizer.save_pretrained(path)
    return path


@pytest.mark.long
@pytest.mark.parametrize("name", GPT2_SIZES)
def test_gpt2_has_the_published_number_of_parameters(name: str):
    n_blocks, n_heads, d_model, total, per_block, attention, mlp, norms = GPT2_SIZES[name]
    network = network_without_weights(GPT2Config(n_layer=n_blocks, n_head=n_heads, n_embd=d_model))
    block = network.transformer.h[0]
    assert count(network) == total
    assert count(block) == per_block
    assert count(block.attn) == attention
    assert count(block.mlp) == mlp
    assert count(block.ln_1, block.ln_2) == norms
    assert total == 50257 * d_model + 1024 * d_model + n_blocks * (12 * d_model**2 + 13 * d_model) + 2 * d_model


def test_the_tied_head_is_counted_once():
    tied, untied = make_tiny("gpt2"), make_tiny("gpt2", tie_word_embeddings=False)
    assert tied.info.n_parameters == 300 * 32 + 64 * 32 + 3 * (12 * 32**2 + 13 * 32) + 2 * 32
    assert untied.info.n_parameters == tied.info.n_parameters + 300 * 32


def test_the_sizes_are_those_of_the_configuration(tiny_model: LanguageModel):
    info, config = tiny_model.info, tiny_model.network.config
    assert (info.n_blocks, info.n_heads, info.d_model, info.n_vocab, info.max_positions) == (3, 4, 32, 300, 64)
    n_neurons = {"gpt2": 128, "gpt_neo": 128, "gptj": 128, "gpt_neox": 70, "opt": 130}.get(config.model_type, 80)
    assert info.n_neurons == n_neurons
    assert info.n_parameters == count(tiny_model.network)


def test_what_is_loaded_is_frozen_float32_and_the_same(folder: Path):
    model = load_model(folder, name="mine")
    assert model.name == "mine"
    assert not model.network.training
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in model.network.parameters())
    assert model.network.config._attn_implementation == "eager"
    original = make_tiny("gpt2")
    assert model.info == original.info
    one, other = (compute_trace(m, Prompt("any", "a fox <b>")) for m in (model, original))
    assert one.tokens == other.tokens
    assert (one.logits() == other.logits()).all()
    assert load_model(folder).name == folder.name


def test_half_precision_weights_are_read_as_float32(folder: Path, tmp_path: Path):
    make_tiny("gpt2").network.half().save_pretrained(tmp_path)
    byte_level_tokenizer().save_pretrained(tmp_path)
    model = load_model(tmp_path)
    assert all(p.dtype == torch.float32 for p in model.network.parameters())
    assert model.info.fingerprint != load_model(folder).info.fingerprint, "the weights were rounded"


def test_every_family_survives_saving_and_loading(tiny_model: LanguageModel, tmp_path: Path):
    tiny_model.network.save_pretrained(tmp_path)
    tiny_model.tokenizer.save_pretrained(tmp_path)
    model = load_model(tmp_path)
    one, other = (compute_trace(m, Prompt("any", "The fox\n🧀")) for m in (model, tiny_model))
    assert one.tokens == other.tokens
    assert (one.logits() == other.logits()).all()


def test_the_bundled_model_can_be_read(bundled_model: LanguageModel):
    info = bundled_model.info
    assert (info.family, info.n_blocks, info.n_heads, info.d_model) == ("GPT-2", 6, 8, 256)
    assert (info.n_vocab, info.max_positions, info.n_neurons) == (4096, 256, 1024)
    assert bundled_model.start_id is not None
    assert bundled_model.vocabulary.piece(bundled_model.start_id).label == "<|endoftext|>"
    assert (BUNDLED / "model.safetensors").stat().st_size < 16_000_000


# The fingerprint.


def test_the_fingerprint_is_of_weights_and_settings():
    fingerprint = make_tiny("gpt2").info.fingerprint
    assert fingerprint == make_tiny("gpt2").info.fingerprint
    assert fingerprint != make_tiny("gpt2", seed=1).info.fingerprint
    assert fingerprint != make_tiny("gpt2", layer_norm_epsilon=1e-6).info.fingerprint
    network = make_tiny("gpt2").network
    with torch.no_grad():
        network.transformer.h[2].mlp.c_proj.bias[7] += 1e-7
    assert fingerprint != prepare_model("again", network, byte_level_tokenizer()).info.fingerprint


def test_the_fingerprint_does_not_depend_on_the_folder(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "copy")
    assert load_model(folder).info.fingerprint == load_model(tmp_path / "copy").info.fingerprint


# What is refused.


def change(folder: Path, **settings: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def remote_code(folder: Path) -> None:
    (folder / "own.py").write_text("raise SystemExit('ran')")
    change(folder, auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"})
    change(folder, model_type="own")


def only_pickled(folder: Path) -> None:
    torch.save(make_tiny("gpt2").network.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def cut_off(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])


def no_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "cannot be read.*config.json"),
        (lambda f: (f / "config.json").unlink(), "cannot be read.*config.json"),
        (lambda f: (f / "config.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "config.json").write_text("[]"), "cannot be read"),
        (lambda f: (f / "config.json").write_text("{}"), "cannot be read.*model_type"),
        (lambda f: change(f, model_type="unheard of"), "family 'unheard of', .* are not known. Supported: arcee"),
        (lambda f: change(f, n_layer="many"), "cannot be read.*n_layer"),
        (lambda f: change(f, n_embd=64), "cannot be read"),
        (lambda f: change(f, n_layer=5), r"incomplete: 24 weights are missing, such as transformer\.h\.3"),
        (remote_code, "family 'own'"),
        (only_pickled, "weights in safetensors format.*model.safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x" * 1000), "cannot be read"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "cannot be read"),
        (cut_off, "cannot be read"),
        (no_tokenizer, r"has no tokenizer. Put its tokenizer.json into the folder"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "cannot be read"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(
    folder: Path, tmp_path: Path, damage: Callable[[Path], Any], message: str
):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    damage(broken)
    with pytest.raises(ModelError, match=f"(?s){message}"):
        load_model(broken)


# What was never trained.


def test_a_model_as_it_is_initialised_is_untrained(tiny_model: LanguageModel):
    assert not tiny_model.info.untrained, "its norms are not as they are initialised"
    config = tiny_model.network.config
    fresh = AutoModelForCausalLM.from_config(config)
    without_weights = config.model_type in ("olmo", "nanochat")  # in their norms, so that nobody can tell
    assert prepare_model("fresh", fresh, tiny_model.tokenizer).info.untrained != without_weights


def test_one_step_of_training_makes_a_difference():
    config = make_tiny("gpt2").network.config
    network = AutoModelForCausalLM.from_config(config)
    ids = torch.tensor([[1, 2, 3, 4]])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    assert not prepare_model("trained", network, byte_level_tokenizer()).info.untrained


def test_the_bundled_model_is_trained(bundled_model: LanguageModel):
    assert not bundled_model.info.untrained


def test_a_web_process_computes_with_one_thread() -> None:
    def counts() -> set[int]:
        return {
            torch.get_num_threads(),
            *(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"),
        }

    with threadpool_limits(2):
        torch.set_num_threads(2)
        assert counts() == {2}
        use_one_thread()
        assert counts() == {1}
    use_one_thread()
