"""Files of numbers: arrays as JSON, and tables as CSV in a zip file, each with what is needed to compute them again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layouts.figures.tables.table import Table

_NOTE = "Arrays are nested lists in C order. The texts nan, inf and -inf stand for numbers that JSON does not have."


def json_file(about: Mapping[str, Any], arrays: Mapping[str, tuple[NDArray[Any], str]]) -> bytes:
    """JSON of arrays, one on each line, after what they are about. arrays: each with its digest, by name.

    Every number is written with the fewest digits that give the same number again in the array's precision.
    """
    lines = [f'"{name}": {_json(value)}' for name, value in {**about, "note": _NOTE}.items()]
    entries = [
        f" {_json(name)}: "
        + _json({"dtype": array.dtype.str, "shape": array.shape, "sha256": sha256, "values": _listed(array)})
        for name, (array, sha256) in arrays.items()
    ]
    body = ",\n".join([*lines, '"arrays": {\n' + ",\n".join(entries) + "\n}"])
    return f"{{\n{body}\n}}\n".encode()


def zip_file(about: Mapping[str, Any], tables: Sequence[Table]) -> bytes:
    """A zip file with a CSV file for each table, and `about.json`."""
    files = {f"{table.name.replace(' ', '-')}.csv": table.csv() for table in tables}
    files["about.json"] = json.dumps(about, ensure_ascii=False, indent=1)
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(ZipInfo(name), text.encode(), ZIP_DEFLATED)  # without a date: equal numbers, equal files
    return packed.getvalue()


def _listed(array: NDArray[Any]) -> Any:
    """Nested lists of plain values; a plain value for an array without axes."""
    if array.dtype.kind != "f":
        return array.tolist()
    finite = np.isfinite(array)
    # The shortest decimal fraction for a single precision number, which as a double would have 17 digits.
    doubles = array.astype(str).astype(np.float64)
    if finite.all():
        return doubles.tolist()
    objects = doubles.astype(object)
    objects[~finite] = array[~finite].astype(str).astype(object)
    return objects.tolist()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
