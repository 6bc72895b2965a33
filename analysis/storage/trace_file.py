"""A trace's file, written array by array while the model computes."""

import json
from typing import BinaryIO

import numpy as np
from torch import Tensor

_DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint8": "U8"}
_HALVED = ("attention.", "neurons.")
_LARGEST_HALF = float(np.finfo(np.float16).max)


class TraceFile:
    """A safetensors file to which arrays are given one at a time, so that only one of them is in memory.

    The header stands first and has all shapes, so it is written last, into room that is left for it.
    file: binary, empty. room: bytes for the header. half: whether attention and neurons are kept in half precision;
    where a number is too large for that, the whole array stays as it is.
    """

    def __init__(self, file: BinaryIO, *, room: int, half: bool = False) -> None:
        self._file, self._half = file, half
        self._room = room - room % 8
        self._entries: dict[str, dict[str, object]] = {}
        self._end = 0  # of what is written so far, behind the header
        file.seek(8 + self._room)

    def __setitem__(self, name: str, tensor: Tensor) -> None:
        """Write an array.

        Raises: OSError if there is no space.
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
        """Write the header; the file then stands at its beginning, ready to be read."""
        header = json.dumps(self._entries).encode()
        assert len(header) <= self._room, "more arrays than room was left for"
        self._file.seek(0)
        self._file.write(self._room.to_bytes(8, "little") + header.ljust(self._room))
        self._file.seek(0)
