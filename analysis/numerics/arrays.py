"""Results as named arrays, and SHA-256 digests of arrays: what an export of a panel or of a notebook contains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS = (bool, int, float, np.generic)


def arrays_of(results: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Flatten results to arrays, named by the path to them: `attention.grid`, `attention.tokens.label`, ...

    A number, truth value or text is an array without axes. A sequence of records, such as tokens or pairs of a token
    and a number, gives one array for each of their fields (`tokens.label`; `top.0.label` and `top.1`). What is None, or
    a function, is left out; within a sequence, None is NaN among numbers and empty among texts.

    results: dataclasses, mappings, sequences, arrays and scalars, by name.
    """
    return dict(_named(results, ""))


def digest(array: NDArray[Any]) -> str:
    """SHA-256, in hexadecimal digits, of an array's type, shape and values.

    Hashed are its type and shape as text, such as `<f4 (19, 19)`, a line feed, and its values in C order, the least
    significant byte first and every NaN with the same bits. So arrays of one type and shape have the same digest
    exactly if all their values are the same; 0 and -0 are two values.
    """
    plain = little_endian(array)
    if plain.dtype.kind == "f":
        plain = np.where(np.isnan(plain), plain.dtype.type(np.nan), plain)
    hashed = sha256(f"{plain.dtype.str} {plain.shape}\n".encode())
    hashed.update(plain.tobytes())
    return hashed.hexdigest()


def little_endian(array: NDArray[Any]) -> NDArray[Any]:
    """The array with its least significant bytes first, in C order."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _named(value: Any, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(value, (np.ndarray, str, *_NUMBERS)):
        yield name, np.asarray(value)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _named(part, f"{name}.{key}".lstrip("."))
    elif is_dataclass(value):
        yield from _named(_record(value), name)
    elif isinstance(value, Sequence):
        yield from _of_sequence(value, name)


def _of_sequence(items: Sequence[Any], name: str) -> Iterator[tuple[str, NDArray[Any]]]:
    records = [_record(item) for item in items]
    known = [item for item in items if item is not None]
    if all(isinstance(item, str) for item in known):
        yield name, np.asarray(["" if item is None else str(item) for item in items])
    elif all(isinstance(item, _NUMBERS) for item in known):
        yield name, np.asarray([np.nan if item is None else item for item in items])
    elif all(records) and len({tuple(record) for record in records}) == 1:
        for key in records[0]:
            yield from _named([record[key] for record in records], f"{name}.{key}")
    else:  # such as arrays
        for index, item in enumerate(items):
            yield from _named(item, f"{name}.{index}")


def _record(value: Any) -> dict[str, Any]:
    """The parts of a dataclass or a sequence, by field or index; empty for anything else."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {str(index): part for index, part in enumerate(value)}
    return {}
