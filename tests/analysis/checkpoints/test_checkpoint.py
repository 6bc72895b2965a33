"""What a folder holds besides a model: refused if the network would be shown wrongly, else noted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.errors import ModelError
from analysis.models.load import load_model, read_configuration
from tests.checkpoints import adapter, edit_config, edit_weights, query_and_value, save, tiny
from tests.tiny import byte_level_tokenizer, make_tiny


def added(folder: Path, **tensors: torch.Tensor) -> Path:
    """The folder with more tensors in its file; in their names, `__` stands for a dot."""
    edit_weights(folder, lambda weights: weights.update({name.replace("__", "."): t for name, t in tensors.items()}))
    return folder


def unused_bias(folder: Path) -> None:
    tiny(folder, "llama", attention_bias=True)
    edit_config(folder, attention_bias=False)


def query_norm(folder: Path) -> None:
    tiny(folder, "llama")
    norms = {f"model__layers__{block}__self_attn__q_norm__weight": torch.full((8,), 3.0) for block in range(3)}
    added(folder, **norms)


def further_block(folder: Path) -> None:
    tiny(folder, "gpt2")
    edit_config(folder, n_layer=2)


def without_prefix(folder: Path) -> None:
    """The trunk alone, as `GPT2Model.save_pretrained` writes it, with a norm of its own in a block."""
    save(folder, make_tiny("gpt2").network.transformer, byte_level_tokenizer())
    added(folder, h__1__ln_3__weight=torch.ones(32))


def trunk_norm(folder: Path) -> None:
    tiny(folder, "llama")
    added(folder, model__embedding_norm__weight=torch.ones(32))


def head_bias(folder: Path) -> None:
    tiny(folder, "gpt_neox")
    added(folder, lm_head__bias=torch.ones(300))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            unused_bias,
            r"12 tensors of the blocks in the file of 'odd' are not used by Llama, such as model\.layers\.0\.",
        ),
        (query_norm, r"3 tensors of the blocks .* such as model\.layers\.0\.self_attn\.q_norm\.weight"),
        (further_block, r"1\d tensors of the blocks .* not used by GPT-2, such as transformer\.h\.2\."),
        (without_prefix, r"1 tensor of the blocks .* is not used by GPT-2, such as .*h\.1\.ln_3\.weight"),
        (trunk_norm, r"1 tensor of the network .* such as model\.embedding_norm\.weight"),
        (head_bias, r"1 tensor of the network .* such as lm_head\.bias"),
    ],
)
def test_tensors_of_drawn_parts_that_are_not_used_are_refused(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "odd")
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / "odd")


def test_what_lies_outside_the_language_model_is_noted(tmp_path: Path) -> None:
    plain = load_model(tiny(tmp_path / "plain", "gpt2"))
    folder = added(tiny(tmp_path / "rewarded", "gpt2"), v_head__summary__weight=torch.zeros(1, 32), score=torch.ones(2))
    model = load_model(folder)
    assert model.info.weights_note == "2 tensors of the file not shown, such as score"
    assert (plain.info.weights_note, plain.info.fingerprint) == ("", model.info.fingerprint)


@pytest.mark.parametrize(
    "name", ["v_head__summary__bias", "value_head__weight", "score__weight", "visual__blocks__0__attn__qkv__weight"]
)
def test_each_kind_of_further_part_is_noted(tmp_path: Path, name: str) -> None:
    model = load_model(added(tiny(tmp_path, "llama"), **{name: torch.ones(2)}))
    assert model.info.weights_note == f"1 tensor of the file not shown, such as {name.replace('__', '.')}"


@pytest.mark.parametrize(
    ("model_type", "name", "tensor"),
    [
        ("gpt2", "transformer__h__0__attn__bias", torch.ones(1, 1, 64, 64)),
        ("gpt2", "transformer__h__1__attn__masked_bias", torch.tensor(-1e4)),
        ("gpt_neo", "transformer__h__0__attn__attention__bias", torch.ones(1, 1, 64, 64)),
        ("gpt_neo", "transformer__h__0__attn__attention__masked_bias", torch.tensor(-1e9)),
        ("gptj", "transformer__h__2__attn__bias", torch.ones(1, 1, 64, 64)),
        ("gpt_neox", "gpt_neox__layers__0__attention__masked_bias", torch.tensor(-1e9)),
        ("gpt_neox", "gpt_neox__layers__0__attention__rotary_emb__inv_freq", torch.ones(4)),
        ("llama", "model__layers__0__self_attn__rotary_emb__inv_freq", torch.ones(4)),
    ],
)
def test_masks_and_rotations_of_old_files_are_no_variants(
    tmp_path: Path, model_type: str, name: str, tensor: torch.Tensor
) -> None:
    assert load_model(added(tiny(tmp_path, model_type), **{name: tensor})).info.weights_note == ""


GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128}


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        (GPTQ, r" \(gptq, 4-bit\)"),
        ({"quant_method": "awq", "bits": 4}, r" \(awq, 4-bit\)"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, r" \(bitsandbytes\)"),
        ({"quant_method": "fp8"}, r" \(fp8\)"),
        ({"unheard_of": 1}, ""),
        ("packed", ""),
    ],
)
def test_quantized_weights_are_refused_from_the_configuration_alone(tmp_path: Path, settings: Any, how: str) -> None:
    tiny(tmp_path / "packed", "llama")
    edit_config(tmp_path / "packed", quantization_config=settings)
    for read in (read_configuration, load_model):
        with pytest.raises(ModelError, match=f"^The weights of 'packed' are quantized{how}. Packed .* GGUF") as refused:
            read(tmp_path / "packed")
        assert "install" not in str(refused.value)


def test_quantized_weights_are_known_without_a_configuration_of_them(tmp_path: Path) -> None:
    older = tiny(tmp_path / "older", "llama")
    (older / "quantize_config.json").write_text(json.dumps({"bits": 4}))
    with pytest.raises(ModelError, match="The weights of 'older' are quantized"):
        read_configuration(older)
    (older / "quantize_config.json").unlink()

    def pack(weights: dict[str, torch.Tensor]) -> None:
        stem = "model.layers.0.self_attn.q_proj"
        del weights[f"{stem}.weight"]
        weights |= {f"{stem}.qweight": torch.zeros(4, 32), f"{stem}.qzeros": torch.zeros(1, 4)}

    edit_weights(older, pack)
    with pytest.raises(ModelError, match="The weights of 'older' are quantized"):
        load_model(older)


def test_a_tokenizer_in_sentencepieces_format_alone_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = save(tmp_path / "old", make_tiny("llama").network)
    (folder / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")  # damaged as well
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer"}))
    for read in (read_configuration, load_model):
        with pytest.raises(
            ModelError, match=r"^The tokenizer of 'old' is in SentencePiece’s format only\. .* writes the"
        ):
            read(folder)
    byte_level_tokenizer().save_pretrained(folder)
    assert load_model(folder)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("spiece.model", r"SentencePiece’s format only\. That file, spiece\.model, is not read; convert it once"),
        ("sentencepiece.bpe.model", r"SentencePiece’s format only\. That file, sentencepiece\.bpe\.model, is not read"),
        ("tokenizer.model.v3", r"SentencePiece’s format only\. That file, tokenizer\.model\.v3, is not read"),
        ("qwen.tiktoken", r"tiktoken’s format only\. That file, qwen\.tiktoken, is not read\. Choose a copy"),
        ("tekken.json", r"tiktoken’s format only\. That file, tekken\.json, is not read\. Choose a copy"),
    ],
)
def test_other_formats_of_tokenizers_are_refused_from_the_names_of_files(
    tmp_path: Path, file: str, message: str
) -> None:
    folder = save(tmp_path / "old", make_tiny("llama").network)
    (folder / file).write_bytes(b"IQ== 0")
    for read in (read_configuration, load_model):
        with pytest.raises(ModelError, match=f"^The tokenizer of 'old' is in {message}"):
            read(folder)
    byte_level_tokenizer().save_pretrained(folder)
    assert load_model(folder)


def test_an_adapter_alone_names_its_base_and_what_to_do(tmp_path: Path) -> None:
    adapter(tmp_path / "mine", query_and_value())
    for read in (read_configuration, load_model):
        with pytest.raises(
            ModelError, match=r"'mine' is a LoRA adapter of someone/base, without .* Copy adapter_config"
        ):
            read(tmp_path / "mine")
    adapter(tmp_path / "mine", query_and_value(), peft_type="IA3", base_model_name_or_path=None)
    with pytest.raises(ModelError, match="'mine' is a IA3 adapter of another model"):
        load_model(tmp_path / "mine")
