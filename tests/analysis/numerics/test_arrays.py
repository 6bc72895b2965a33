"""Results as arrays: each number of a result under the path to it, and digests that hashlib gives for their bytes."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from analysis.attention import compute_attention
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.numerics.arrays import arrays_of, digest
from analysis.selection import Part, Selection
from analysis.tokens import Piece, Token
from analysis.trace import Prompt


@dataclass(frozen=True)
class Sample:
    part: Part
    grid: Any
    top: tuple[tuple[Piece, float], ...]
    nested: tuple[Token, ...]
    rows: tuple[Any, ...]
    piece: Callable[[int], Piece]
    missing: float | None = None


def test_every_field_is_an_array_under_its_path():
    grid = np.array([[1, np.nan]], np.float32)
    sample = Sample(
        Part.MLP,
        grid,
        top=((Piece(7, "·a"), 0.75), (Piece(9, "b"), 0.25)),
        nested=(Token(7, "·a", 0, 0), Token(3, "=1+1", 1, 1, written=True)),
        rows=(np.zeros(1), np.ones(2)),
        piece=lambda token_id: Piece(token_id, ""),
    )
    found = arrays_of({"sample": sample, "scores": {"x": 2, "y": None}, "some": (1, None), "words": ["a", None]})
    assert {name: array.tolist() for name, array in found.items() if name not in ("sample.grid", "some")} == {
        "sample.part": "mlp",
        "sample.top.0.id": [7, 9],
        "sample.top.0.label": ["·a", "b"],
        "sample.top.1": [0.75, 0.25],
        "sample.nested.id": [7, 3],
        "sample.nested.label": ["·a", "=1+1"],
        "sample.nested.position": [0, 1],
        "sample.nested.group": [0, 1],
        "sample.nested.template": [False, False],
        "sample.nested.written": [False, True],
        "sample.rows.0": [0],
        "sample.rows.1": [1, 1],
        "scores.x": 2,
        "words": ["a", ""],
    }
    assert found["sample.grid"] is grid
    np.testing.assert_array_equal(found["some"], [1, np.nan])


def test_a_real_result_has_its_own_arrays(tiny_gpt2: LanguageModel):
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "the fox met the hare"))
    result = compute_attention(trace, Selection(Part.ATTENTION, block=1, head=2), 3)
    found = arrays_of({"attention": result})
    assert found["attention.grid"] is result.grid
    assert found["attention.tokens.label"].tolist() == [token.label for token in trace.tokens]
    assert found["attention.position"] == 3


def test_a_digest_is_that_of_type_shape_and_little_endian_bytes():
    array = np.array([[1.5, -2], [np.inf, np.nan]], np.float32)
    packed = b"<f4 (2, 2)\n" + struct.pack("<4f", 1.5, -2, np.inf, np.nan)
    assert digest(array) == sha256(packed).hexdigest()
    assert digest(np.asfortranarray(array)) == digest(array.astype(">f4")) == digest(array)
    assert digest(-array[1]) == digest(np.float32([-np.inf, np.nan])), "NaN has a sign bit"
    assert digest(np.array("é")) == sha256(b"<U1 ()\n" + "é".encode("utf-32-le")).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((2, 2), np.float64),
        np.zeros((4, 1), np.float32),
        np.full((2, 2), -0.0, np.float32),
        np.zeros((2, 2), np.int32),
    ],
)
def test_another_array_has_another_digest(other):
    assert digest(other) != digest(np.zeros((2, 2), np.float32))
