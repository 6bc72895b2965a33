"""Own numbers as the page sends them: read as they were packed, or refused in words."""

import base64
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.architecture import compute_architecture
from analysis.errors import SelectionError
from analysis.model_info import ModelInfo
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.numerics.own_numbers import OwnNumbers, own_numbers_or_reason
from analysis.selection import Selection
from analysis.trace import Prompt

INFO = ModelInfo("GPT-2", 2, 3, 8, 4, 100, 10, 16, 100, "f")  # 50 tiles of 2 neurons
NAN = float("nan")
HEADS = [0.5, -1.5, NAN, 3e-3, NAN, 1e30]
TILES = [NAN] * 99 + [-2.5]


def packed(code: str, values: list[Any]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}{code}", *values)).decode()


OF_HEADS = {"kind": "head", "n_blocks": 2, "n_units": 3, "n_given": 4, "values": packed("f", HEADS)}
OF_NEURONS = {
    "kind": "neuron",
    "n_blocks": 2,
    "n_units": 100,
    "n_given": 2,
    "values": packed("f", TILES),
    "neurons": packed("H", [0] * 99 + [1]),
}


def read(data: Any) -> OwnNumbers:
    own = own_numbers_or_reason(data, INFO)
    assert isinstance(own, OwnNumbers)
    return own


def test_numbers_of_heads_are_read_as_they_were_packed() -> None:
    own = read(OF_HEADS)
    assert own.heads.ravel().tolist() == pytest.approx(HEADS, rel=1e-6, nan_ok=True)
    assert (own.heads.shape, own.tiles, own.neurons) == ((2, 3), None, None)
    assert (own.n_given, own.n_all) == (4, 6)


def test_numbers_of_neurons_are_one_for_each_tile_and_say_which_neuron_has_it() -> None:
    own = read(OF_NEURONS)
    assert own.tiles is not None
    assert own.neurons is not None
    assert np.isnan(own.heads).all()
    assert np.flatnonzero(np.isfinite(own.tiles)).tolist() == [99]
    assert (own.tiles[1, 49], own.neurons[1, 49]) == (-2.5, 99)
    assert set(own.neurons.ravel()[:99]) == {-1}
    assert (own.n_given, own.n_all) == (2, 200)


def test_other_sizes_are_another_model() -> None:
    for other in (replace(INFO, n_blocks=3), replace(INFO, n_heads=4)):
        reason = own_numbers_or_reason(OF_HEADS, other)
        assert isinstance(reason, str)
        assert "for another model, of 2 × 3 heads" in reason
    without_values = {name: value for name, value in OF_HEADS.items() if name != "values"}
    assert "another model" in str(own_numbers_or_reason(without_values, replace(INFO, n_heads=4)))
    assert "no numbers of your own" in str(own_numbers_or_reason(None, INFO))


WRONG: list[dict[str, Any]] = [
    {"kind": "x"}, {"kind": []}, {"n_blocks": True}, {"n_blocks": -1}, {"n_units": "3"}, {"n_given": 7},
    {"n_given": 1e99}, {"values": None}, {"values": "AAAA"}, {"values": "é" * 32}, {"values": packed("f", [*HEADS, 0])},
    {"values": "=" * 32}, {"values": packed("f", [*HEADS[:5], float("inf")])},
]  # fmt: skip
WRONG_NEURONS: list[dict[str, Any]] = [
    {"neurons": packed("H", [2] * 100)}, {"neurons": packed("H", [0] * 99)}, {"neurons": 7}, {"n_given": 0},
]  # fmt: skip


@pytest.mark.parametrize(
    "data", [*(OF_HEADS | one for one in WRONG), *(OF_NEURONS | one for one in WRONG_NEURONS), "x", 7]
)
def test_what_the_page_cannot_have_sent_is_refused(data: Any) -> None:
    with pytest.raises(SelectionError, match="damaged"):
        own_numbers_or_reason(data, INFO)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=40).map(repr),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.long
@given(data=JSON | st.dictionaries(st.sampled_from([*OF_NEURONS]), JSON).map(lambda some: OF_NEURONS | some))
def test_whatever_is_sent_is_read_or_refused_in_words(data: Any) -> None:
    try:
        own = own_numbers_or_reason(data, INFO)
    except SelectionError:
        return
    if not isinstance(own, str):
        assert not np.isinf(own.heads).any()
        assert own.neurons is None or own.neurons.max() < INFO.n_neurons


def test_a_tile_selects_the_neuron_whose_number_it_shows(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox met a crow"))
    info = trace.info
    selection = Selection.parse("block.0.mlp@2")
    plain = compute_architecture(trace, selection, 2)
    tiles = np.full((info.n_blocks, info.n_tiles), np.nan, dtype=np.float32)
    neurons = np.full(tiles.shape, -1)
    tiles[1, 3], neurons[1, 3] = 0.5, 3 * info.tile_width + 1
    none = np.full((info.n_blocks, info.n_heads), np.nan, dtype=np.float32)
    own = OwnNumbers("neuron", 1, info.n_blocks * info.n_neurons, none, tiles, neurons)
    result = compute_architecture(trace, selection, 2, color_by="own", own=own)
    assert result.strongest[1, 3] == 3 * info.tile_width + 1
    others = neurons < 0
    assert (result.strongest[others] == plain.strongest[others]).all()
    with pytest.raises(SelectionError, match="only the page reads"):
        compute_architecture(trace, selection, 2, color_by="own")
