"""Files of numbers: strict JSON with exact values, and a zip file that is the same for the same numbers."""

import io
import json
from zipfile import ZipFile

import numpy as np
import pytest

from layouts.figures.tables.files import json_file, zip_file
from layouts.figures.tables.table import Table

ARRAYS = {
    "single": np.float32([[1 / 3, 0.1], [np.nan, np.inf]]),
    "double": np.array([-np.inf, 1 / 3]),
    "whole": np.array(7),
    "true": np.array([True, False]),
    "text": np.array("=1+1 \u2028 </script>"),
    "none": np.zeros((0, 3), np.float32),
}


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_arrays_are_read_back_exactly():
    file = json_file({"panel": "x", "B": None}, {name: (array, f"hash of {name}") for name, array in ARRAYS.items()})
    read = json.loads(file, parse_constant=refuse)
    assert (read["panel"], read["B"]) == ("x", None)
    for name, array in ARRAYS.items():
        entry = read["arrays"][name]
        assert (entry["dtype"], entry["shape"]) == (array.dtype.str, list(array.shape))
        assert entry["sha256"] == f"hash of {name}"
        again = np.array(entry["values"]).astype(array.dtype).reshape(array.shape)
        np.testing.assert_array_equal(again, array)
    assert read["arrays"]["single"]["values"] == [[0.33333334, 0.1], ["nan", "inf"]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_shortest_fraction_stands_for_the_same_number(dtype: type):
    bits = np.random.default_rng(0).integers(0, 2**63, 20_000, dtype=np.uint64)
    numbers = bits.view(np.float64) if dtype is np.float64 else bits.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)
    read = json.loads(json_file({}, {"x": (numbers, "")}))["arrays"]["x"]["values"]
    np.testing.assert_array_equal(np.array(read).astype(dtype), numbers)


def test_a_zip_has_all_tables_and_what_they_are_about():
    tables = [Table("MLP tiles", "Tiles.", {"n": np.arange(2)}), Table("heads", "Heads.", {"n": np.arange(3)})]
    file = zip_file({"model": "tiny"}, tables)
    assert file == zip_file({"model": "tiny"}, tables)
    with ZipFile(io.BytesIO(file)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["MLP-tiles.csv", "heads.csv", "about.json"]
        assert archive.read("heads.csv").decode() == tables[1].csv()
        assert json.loads(archive.read("about.json")) == {"model": "tiny"}
