"""GGUF files: found, opened, labelled; damaged ones end in words."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType

from analysis.checkpoints.gguf_file import find_gguf, open_gguf
from analysis.errors import ModelError
from analysis.models.load import load_model, read_configuration
from tests.gguf_files import F32, tiny, write_gguf


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama."""
    return write_gguf(tiny("llama"), tmp_path_factory.mktemp("gguf") / "fox.Q4_0.gguf")


def test_tensors_are_dequantized_by_hand(path: Path):
    """Q4_0: blocks of 32, each a half-precision scale and 16 bytes; the low nibbles are the first 16 numbers."""
    tensor = open_gguf(path).tensors["blk.1.ffn_down.weight"]
    blocks = tensor.data.reshape(-1, 18)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    nibbles = np.hstack([blocks[:, 2:] & 15, blocks[:, 2:] >> 4]).astype(np.float32) - 8
    assert tensor.shape == (32, 96)
    assert (tensor.numbers() == (scales * nibbles).reshape(32, 96)).all()
    weight = tiny("llama").network.get_parameter("model.layers.1.mlp.down_proj.weight")
    assert torch.from_numpy(tensor.numbers()).sub(weight).abs().max() < weight.abs().max() / 8


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("Q4_0", "4-bit weights, dequantized"),
        ("Q5_1", "5-bit weights, dequantized"),
        ("Q8_0", "8-bit weights, dequantized"),
        ("F16", ""),
        ("BF16", ""),
        ("F32", ""),
    ],
)
def test_the_note_says_how_many_bits_most_weights_of_the_blocks_have(kind: str, note: str, tmp_path: Path):
    file = write_gguf(tiny("llama"), tmp_path / "m.gguf", kind=GGMLQuantizationType[kind])
    assert open_gguf(file).weights_note == note
    assert load_model(file).info.weights_note == note


def test_a_file_is_found_in_a_folder(path: Path, tmp_path: Path):
    assert find_gguf(path) == path
    assert find_gguf(path.parent) == path
    assert load_model(path.parent).info == load_model(path).info
    assert find_gguf(tmp_path) is None
    assert find_gguf(tmp_path / "absent.gguf") is None
    for name in ("model.safetensors", "A.GGUF", "b.gguf"):
        (tmp_path / name).touch()
    assert find_gguf(tmp_path) is None, "a folder's own weights come first"
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has 2 GGUF files\. Name one of them, such as A\.GGUF"):
        find_gguf(tmp_path)


def test_parts_are_refused_with_advice(path: Path, tmp_path: Path):
    for number in (1, 2, 3):
        shutil.copy(path, tmp_path / f"fox-{number:05}-of-00003.gguf")
    for place in (tmp_path, tmp_path / "fox-00002-of-00003.gguf"):
        for read in (load_model, read_configuration):
            with pytest.raises(ModelError, match=r"is one of 3 parts .*Join them first.*llama-gguf-split --merge"):
                read(place)


def test_a_truncated_file_is_called_so(path: Path, tmp_path: Path):
    content = path.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(content[:-100])
    with pytest.raises(ModelError, match=r"'cut\.gguf' is truncated: it ends within its weights. Download it again"):
        load_model(cut)
    for size in (0, 3, 23, 24, 100, 1000, 5000):
        cut.write_bytes(content[:size])
        with pytest.raises(ModelError, match=r"cut\.gguf"):
            read_configuration(cut)


def test_what_is_no_gguf_file(tmp_path: Path):
    file = tmp_path / "m.gguf"
    for content in (b"PK\3\4" * 100, b"version https://git-lfs.github.com/spec/v1\n", b"GGUF\1\0\0\0" + bytes(50)):
        file.write_bytes(content)
        with pytest.raises(ModelError, match=r"'m.gguf' cannot be read.*GGUF"):
            load_model(file)


def test_a_type_that_nobody_knows(path: Path, tmp_path: Path):
    content = bytearray(path.read_bytes())
    name = b"token_embd.weight"
    kind = content.index(name) + len(name) + 4 + 2 * 8  # after its number of dimensions and these
    content[kind : kind + 4] = (99).to_bytes(4, "little")
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=r"its tensor token_embd\.weight is of the unknown type 99"):
        load_model(tmp_path / "m.gguf")


def test_damage_ends_in_words(path: Path, tmp_path: Path):
    """Bytes of the header are changed at random: the file is read, or refused."""
    content, dice, file = path.read_bytes(), random.Random(1), tmp_path / "m.gguf"
    start = min(content.index(bytes(tensor.data[:64])) for tensor in open_gguf(path).tensors.values())
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        damaged[dice.randrange(start)] ^= 1 << dice.randrange(8)
        file.write_bytes(damaged)
        try:
            read_configuration(file)
        except ModelError:
            refused += 1
    assert refused > 20


def test_types_that_transformers_reader_refuses(tmp_path: Path):
    """K-quants fall back to Q5_0 where a width is not a multiple of 256."""
    file = write_gguf(tiny("llama"), tmp_path / "m.gguf", kind=GGMLQuantizationType.Q5_0)
    exact = write_gguf(tiny("llama"), tmp_path / "f.gguf", kind=F32)
    name = "blk.0.attn_q.weight"
    assert abs(open_gguf(file).tensors[name].numbers() - open_gguf(exact).tensors[name].numbers()).max() < 0.05
