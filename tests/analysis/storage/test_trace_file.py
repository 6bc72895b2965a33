"""A file that is written array by array can be read with safetensors."""

import io
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load

from analysis.storage.trace_file import TraceFile


def written(arrays: dict[str, torch.Tensor], *, half: bool = False, n_arrays: int = 6) -> dict[str, torch.Tensor]:
    file = io.BytesIO()
    record = TraceFile(file, n_arrays=n_arrays, half=half)
    for name, array in arrays.items():
        record[name] = array
    record.finish()
    return load(file.getvalue())


ARRAYS = {
    "a": torch.arange(5, dtype=torch.float32) - 2,
    "turned": torch.arange(6, dtype=torch.float32).reshape(2, 3).T,
    "every second": torch.arange(9, dtype=torch.int64)[::2],
    "one": torch.tensor(0.1, dtype=torch.float64),
    "none": torch.zeros(0, 4),
    "bytes": torch.arange(3, dtype=torch.uint8),
}


@pytest.mark.parametrize("n_arrays", [6, 7, 100])
def test_safetensors_reads_the_same_arrays(n_arrays: int):
    found = written(ARRAYS, n_arrays=n_arrays)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert torch.equal(found[name], array)


def test_attention_and_neurons_are_halved_and_nothing_else():
    values = torch.rand(3, 5)
    names = ("attention.0", "neurons.11", "residual.0", "head_outputs.0", "head_norms.0", "tile_norms.0", "logits")
    found = written(dict.fromkeys(names, values), half=True)
    for name in names:
        halved = name.startswith(("attention", "neurons"))
        assert torch.equal(found[name], values.half() if halved else values), name
    assert all(array.dtype == torch.float32 for array in written(dict.fromkeys(names, values)).values())


@pytest.mark.parametrize("wrong", [65520.0, -1e6, float("inf"), float("nan")])
def test_numbers_too_large_for_half_precision_stay_single(wrong: float):
    values = torch.tensor([1.0, wrong, 0.3])
    found = written({"neurons.0": values, "neurons.1": torch.tensor([65504.0, -65504.0])}, half=True)
    assert torch.equal(found["neurons.0"].view(torch.int32), values.view(torch.int32))
    assert found["neurons.1"].dtype == torch.float16


def test_arrays_need_no_alignment(tmp_path: Path):
    """Read from a file, too, which is memory-mapped: arrays then do not start where their type would like to."""
    path = tmp_path / "odd"
    with path.open("wb") as file:
        record = TraceFile(file, n_arrays=3, half=True)
        record["attention.0"] = torch.rand(3)
        record["logits"] = torch.tensor([1.5, -2.5])
        record["residual.0"] = torch.tensor([[0.1, 0.2]])
        record.finish()
    with safe_open(path, framework="pt") as kept:
        assert kept.get_tensor("logits").numpy().tolist() == [1.5, -2.5]
        assert kept.get_tensor("residual.0").numpy().tolist() == np.float32([[0.1, 0.2]]).tolist()


def test_written_arrays_are_freed():
    record = TraceFile(io.BytesIO(), n_arrays=2, half=True)
    for name in ("attention.0", "residual.0"):
        array = torch.rand(4)
        seen = weakref.ref(array)
        record[name] = array
        del array
        assert seen() is None


def test_more_arrays_than_announced_are_a_bug():
    with pytest.raises(AssertionError, match="more arrays"):
        written(ARRAYS, n_arrays=1)
