"""Odd repositories on a hub on loopback: refused before their weights are asked for, or downloaded whole."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.errors import ModelError
from analysis.models.forward import encode
from analysis.models.hub import Hub, HubModel
from analysis.models.load import load_model
from tests.checkpoints import adapter, chat_tokenizer, edit_config, query_and_value, save, tiny
from tests.hub import SmallHub, served_hub
from tests.tiny import make_tiny


@pytest.fixture
def small_hub() -> Iterator[SmallHub]:
    with served_hub() as hub:
        yield hub


def fetched(small_hub: SmallHub, folder: Path) -> Path:
    """The folder in the cache after a download."""
    small_hub.hold("owner/odd", folder)
    hub = Hub(endpoint=small_hub.url, cache=folder.parent / "hub")
    return hub.fetch(HubModel("owner/odd"), lambda _done, _total: None)


def refused(small_hub: SmallHub, folder: Path, message: str) -> None:
    """Fail unless a download is refused without a request for weights."""
    with pytest.raises(ModelError, match=message):
        fetched(small_hub, folder)
    assert not small_hub.sent(".safetensors")


def test_an_adapter_alone_names_its_base(small_hub: SmallHub, tmp_path: Path) -> None:
    adapter(tmp_path / "odd", query_and_value())
    refused(
        small_hub, tmp_path / "odd", "'owner/odd' is a LoRA adapter of someone/base, without the weights of its base"
    )


def test_quantized_weights(small_hub: SmallHub, tmp_path: Path) -> None:
    tiny(tmp_path / "odd", "llama")
    edit_config(tmp_path / "odd", quantization_config={"quant_method": "gptq", "bits": 8})
    refused(small_hub, tmp_path / "odd", r"The weights of 'owner/odd' are quantized \(gptq, 8-bit\)")


def test_a_tokenizer_in_sentencepieces_format_alone(small_hub: SmallHub, tmp_path: Path) -> None:
    folder = save(tmp_path / "odd", make_tiny("llama").network)
    (folder / "tokenizer.model").write_bytes(b"\n\x0e")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer"}))
    refused(small_hub, folder, "The tokenizer of 'owner/odd' is in SentencePiece’s format only")


def test_an_adapter_beside_its_base_comes_with_it(small_hub: SmallHub, tmp_path: Path) -> None:
    adapter(tiny(tmp_path / "odd", "llama"), query_and_value())
    model = load_model(fetched(small_hub, tmp_path / "odd"))
    assert model.info.weights_note.startswith("LoRA adapter merged into 6 matrices")
    assert model.info.fingerprint == load_model(tmp_path / "odd").info.fingerprint


def test_a_chat_template_comes_with_its_tokenizer(small_hub: SmallHub, tmp_path: Path) -> None:
    folder = save(tmp_path / "odd", make_tiny("qwen2").network, chat_tokenizer())
    assert (folder / "chat_template.jinja").exists()
    model = load_model(fetched(small_hub, folder))
    assert [token.label for token in encode(model, "a fox", chat=True)][:2] == ["<|im_start|>", "u"]
