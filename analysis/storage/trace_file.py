"""Trace files: safetensors, written array by array while the model computes, and read by memory mapping."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load
from torch import Tensor

_DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint8": "U8"}
_HALVED = ("attention.", "neurons.")
_LARGEST_HALF = float(np.finfo(np.float16).max)
_ENTRY_BYTES = 200  # of the header, for each array; a multiple of 8, and more than an entry takes


class TraceFile:
    """Writer of a safetensors file, to which arrays are given one at a time, so that only one of them is in memory.

    The header comes first in the file and holds all shapes, so space is reserved for it and it is written last.

    Parameters
    ----------
    file
        Binary and empty.
    n_arrays
        The largest number of arrays, for which the header has space.
    half
        Whether attention and neurons are written in half precision. An array with a number that is too large for half
        precision is written in single precision.
    """

    def __init__(self, file: IO[bytes], *, n_arrays: int, half: bool = False) -> None:
        self._file, self._half = file, half
        self._header_bytes = n_arrays * _ENTRY_BYTES
        self._entries: dict[str, dict[str, object]] = {}
        self._end = 0  # of what has been written, counted from the end of the header
        file.seek(8 + self._header_bytes)

    def __setitem__(self, name: str, tensor: Tensor) -> None:
        """Write an array.

        Raises: OSError if the disk is full.
        """
        halve = self._half and name.startswith(_HALVED) and all(abs(end) <= _LARGEST_HALF for end in tensor.aminmax())
        array = (tensor.half() if halve else tensor).contiguous().numpy()
        start, self._end = self._end, self._end + array.nbytes
        self._entries[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": array.shape,
            "data_offsets": (start, self._end),
        }
        self._file.write(array.reshape(-1).view(np.uint8).data)

    def finish(self) -> None:
        """Write the header."""
        header = json.dumps(self._entries).encode()
        assert len(header) <= self._header_bytes, "more arrays than the header has space for"
        self._file.seek(0)
        self._file.write(self._header_bytes.to_bytes(8, "little") + header.ljust(self._header_bytes))
        self._file.flush()


@dataclass(frozen=True)
class StoredArrays:
    """The arrays of a safetensors file, each read when it is needed.

    Attributes
    ----------
    names
        The names of all arrays.
    read
        The array of a name.
    """

    names: tuple[str, ...]
    read: Callable[[str], NDArray[Any]]


def map_arrays(path: str) -> StoredArrays:
    """The arrays of a file on disk, memory-mapped: only what is used is read, and processes share the memory.

    Raises: FileNotFoundError, or SafetensorError if the file is damaged.
    """
    mapped = safe_open(path, framework="pt")
    # Cached, since a click reads some arrays several times; what is mapped takes no memory of this process.
    return StoredArrays(tuple(mapped.keys()), cache(lambda name: mapped.get_tensor(name).numpy()))


def load_arrays(file: io.BytesIO) -> StoredArrays:
    """The arrays of a file in memory."""
    tensors = load(file.getvalue())
    return StoredArrays(tuple(tensors), lambda name: tensors[name].numpy())
