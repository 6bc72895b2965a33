"""GGUF file: its settings and tensors by llama.cpp's names, none of which is read before it is asked for."""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ModelError

_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$", re.IGNORECASE)
_PLAIN = ("F16", "BF16", "F32", "F64")  # types that are read exactly, unlike quantized ones


def find_gguf(path: Path) -> Path | None:
    """The GGUF file that a path names: the file, or the one in a folder without other weights; None if there is none.

    Raises: ModelError if the folder has several.
    """
    if path.is_file():
        return path if path.suffix.lower() == ".gguf" else None
    files = sorted(file for file in path.glob("*") if file.suffix.lower() == ".gguf")
    if not files or any(path.glob("*.safetensors")):
        return None
    if len(files) > 1 and not all(_PART.search(file.name) for file in files):
        raise ModelError(
            f"The folder '{path.name}' has {len(files)} GGUF files. Name one of them, such as {files[0].name}."
        )
    return files[0]


@dataclass(frozen=True, eq=False)
class GgufTensor:
    """A tensor in a file.

    Attributes
    ----------
    shape
        In torch's order.
    type
        GGML's number of the type.
    data
        Its bytes, memory-mapped.
    """

    shape: tuple[int, ...]
    type: int
    data: NDArray[np.uint8]

    def numbers(self) -> NDArray[np.float32]:
        """Its values, dequantized."""
        from gguf import dequantize

        return np.array(dequantize(self.data.reshape(*self.shape[:-1], -1), self.type), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class GgufFile:
    """The content of a file.

    Attributes
    ----------
    name
        The file's name.
    metadata
        Settings, by llama.cpp's names; of lists of texts only the length.
    tensors
        Tensors, by llama.cpp's names.
    """

    name: str
    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]

    @property
    def architecture(self) -> str:
        """The model's family, in llama.cpp's words."""
        return str(self.metadata["general.architecture"])

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the network, without the architecture in front of their names."""
        own = f"{self.architecture}."
        return {key.removeprefix(own): value for key, value in self.metadata.items() if key.startswith(own)}

    @property
    def weights_note(self) -> str:
        """The bits of a weight, of the type that most weights of the blocks have; empty if they are read exactly."""
        from gguf import GGMLQuantizationType

        counts: dict[int, int] = {}
        for name, tensor in self.tensors.items():
            if name.startswith("blk."):
                counts[tensor.type] = counts.get(tensor.type, 0) + prod(tensor.shape)
        usual = GGMLQuantizationType(max(counts, key=counts.__getitem__)).name
        bits = re.search(r"\d", usual)  # as in Q4_K, IQ2_XS, MXFP4
        return f"{bits[0]}-bit weights, dequantized" if bits and usual not in _PLAIN else ""


def open_gguf(path: Path) -> GgufFile:
    """Open a file.

    Raises: ModelError for a part of a model, a truncated file, and unknown types of weights; exceptions of many kinds
    for a file that is damaged in another way.
    """
    from gguf import GGML_QUANT_SIZES
    from transformers.integrations.gguf import reader

    if part := _PART.search(path.name):
        raise ModelError(
            f"'{path.name}' is one of {int(part[1])} parts of a model. Join them first, with llama.cpp's "
            "`llama-gguf-split --merge FIRST_PART.gguf WHOLE.gguf`."
        )
    # Its public functions refuse some types that `gguf` reads, such as Q5_0. `gguf`'s own reader takes seconds.
    data = reader._mapped(path)
    metadata, count, end = reader._read_metadata(data, path.name)
    table, end = reader._read_tensor_table(data, count, end)
    alignment = metadata.get("general.alignment", 32)
    start = -(-end // alignment) * alignment
    tensors = {}
    for name, shape, kind, offset in table:
        if kind not in GGML_QUANT_SIZES:
            raise ModelError(f"'{path.name}' cannot be read: its tensor {name} is of the unknown type {kind}.")
        numbers, size = GGML_QUANT_SIZES[kind]
        first, last = start + offset, start + offset + prod(shape) // numbers * size
        if last > len(data):
            raise ModelError(f"'{path.name}' is truncated: it ends within its weights. Download it again.")
        tensors[name] = GgufTensor(shape, kind, data[first:last])
    return GgufFile(path.name, metadata, tensors)
