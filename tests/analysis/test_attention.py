from typing import Any, get_args

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import analysis.attention
from analysis.attention import AttentionView, attention_entropy, compute_attention
from analysis.errors import SelectionError
from analysis.model_info import ModelInfo
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Part, Selection
from analysis.tokens import Token
from analysis.trace import Prompt, Trace
from tests.tiny import TEXT

VIEWS = get_args(AttentionView)


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("any", TEXT[:30]))


def made(attention: Any) -> Trace:
    """A trace with this attention, (blocks, heads, query, key), and nothing else."""
    arrays = np.array(attention, dtype=np.float32)
    tokens = tuple(Token(n, f"t{n}", n, n) for n in range(arrays.shape[-1]))
    info = ModelInfo("any", *arrays.shape[:2], 1, 1, 1, 1, 1, 1, "any")
    return Trace(Prompt("any", "any"), tokens, info, lambda name: arrays[int(name.removeprefix("attention."))])


def selected(block: int, head: int | None) -> Selection:
    return Selection(Part.ATTENTION, block=block, head=head)


ONE = [[1, 0, 0], [0.25, 0.75, 0], [0.5, 0.4, 0.1]]
OTHER = [[1, 0, 0], [1, 0, 0], [0.2, 0.2, 0.6]]


@pytest.mark.parametrize("head", [0, 3])
def test_raw_is_the_traces(trace: Trace, head: int):
    result = compute_attention(trace, selected(1, head), 4)
    assert_array_equal(result.grid, trace.attention(1)[head])
    assert_array_equal(result.heads, trace.attention(1))
    assert (result.block, result.head, result.position, result.view) == (1, head, 4, "raw")
    assert result.tokens == trace.tokens
    assert result.first_share == pytest.approx(trace.attention(1)[head, 4, 0])
    assert result.strongest == max(range(5), key=lambda key: trace.attention(1)[head, 4, key])


def test_without_a_head_it_is_the_mean(trace: Trace):
    result, attention = compute_attention(trace, selected(2, None), 3), trace.attention(2)
    mean = sum(attention[head] for head in range(4)) / 4
    assert_allclose(result.grid, mean, rtol=1e-6)
    assert_array_equal(result.heads, attention)
    assert result.first_share == pytest.approx(mean[3, 0])


@pytest.mark.parametrize("head", [None, 2])
def test_without_the_first_token_a_row_is_shared_out_again(trace: Trace, head: int | None):
    result, raw = (
        compute_attention(trace, selected(1, head), 4, view="without_first"),
        compute_attention(trace, selected(1, head), 4),
    )
    for query in range(1, trace.n_positions):
        rest = [raw.grid[query, key] for key in range(1, trace.n_positions)]
        assert_allclose(result.grid[query, 1:], np.array(rest) / sum(rest), rtol=1e-4, atol=1e-7)
        assert result.grid[query, 0] == 0
    assert np.isnan(result.grid[0]).all()
    assert result.first_share == raw.first_share
    for head_ in range(4):
        assert_array_equal(
            result.heads[head_], compute_attention(trace, selected(1, head_), 4, view="without_first").grid
        )


def test_rollout_multiplies_half_attention_and_half_identity(trace: Trace):
    eye = np.eye(trace.n_positions)
    product = eye
    for block in range(3):
        product = (0.5 * np.float64(trace.attention(block)).mean(axis=0) + 0.5 * eye) @ product
        for head in (None, 1):
            result = compute_attention(trace, selected(block, head), 4, view="rollout")
            assert_allclose(result.grid, product, atol=1e-6)
            assert_array_equal(result.heads, trace.attention(block))


def test_rollout_by_hand():
    """Block 1 after block 0: (½A₁ + ½I)(½A₀ + ½I), in this order."""
    trace = made([[[[1, 0], [1, 0]]], [[[1, 0], [0, 1]]], [[[1, 0], [0.5, 0.5]]]])
    assert_allclose(compute_attention(trace, selected(0, 0), 1, view="rollout").grid, [[1, 0], [0.5, 0.5]])
    assert_allclose(compute_attention(trace, selected(1, 0), 1, view="rollout").grid, [[1, 0], [0.5, 0.5]])
    assert_allclose(compute_attention(trace, selected(2, 0), 1, view="rollout").grid, [[1, 0], [0.625, 0.375]])


def test_the_order_of_blocks_matters_in_a_rollout():
    first, second = [[1, 0, 0], [0, 1, 0], [0, 1, 0]], [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    ways = [made([[first], [second]]), made([[second], [first]])]
    there, back = (compute_attention(way, selected(1, None), 2, view="rollout").grid[2] for way in ways)
    assert_allclose(there, [0, 0.5, 0.5])
    assert_allclose(back, [0.25, 0.25, 0.5])


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("head", [None, 0])
def test_rows_are_causal_and_sum_to_one(trace: Trace, view: AttentionView, head: int | None):
    result = compute_attention(trace, selected(2, head), 4, view=view)
    rows = result.grid[1:] if view == "without_first" else result.grid
    assert_allclose(rows.sum(axis=-1), 1, atol=1e-5)
    assert np.all(np.triu(rows, 2 if view == "without_first" else 1) == 0)
    assert rows.dtype == result.heads.dtype == np.float32


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", ["%", "%%"])
def test_one_or_two_positions(tiny_gpt2: LanguageModel, view: AttentionView, text: str):
    trace = compute_trace(tiny_gpt2, Prompt("any", text))
    n = trace.n_positions
    assert n == len(text)
    result = compute_attention(trace, selected(0, 0), n - 1, view=view)
    assert result.sharpest is None
    assert result.grid.shape == (n, n)
    if view == "without_first":
        assert np.isnan(result.grid[0]).all()
        assert (result.strongest, n) in ((0, 1), (1, 2))


def test_a_row_with_nothing_left_is_undefined():
    result = compute_attention(made([[ONE, OTHER]]), selected(0, 1), 1, view="without_first")
    assert np.isnan(result.grid[:2]).all()
    assert_allclose(result.grid[2], [0, 0.25, 0.75], rtol=1e-6)
    assert result.strongest == 0
    assert result.first_share == 1


def test_one_head_with_nothing_left_does_not_undo_the_mean():
    result = compute_attention(made([[ONE, OTHER]]), selected(0, None), 1, view="without_first")
    assert_allclose(result.grid[1], [0, 1, 0])
    assert_allclose(result.grid[2], np.array([0, 0.6, 0.7]) / 1.3, rtol=1e-6)
    assert result.strongest == 1
    assert result.first_share == pytest.approx(0.625)


def test_strongest_is_of_the_view():
    assert compute_attention(made([[ONE]]), selected(0, 0), 2).strongest == 0
    assert compute_attention(made([[ONE]]), selected(0, 0), 2, view="without_first").strongest == 1
    assert compute_attention(made([[ONE]]), selected(0, 0), 1).strongest == 1


def test_sharpest_is_relative_to_what_can_be_seen():
    """Entropies of 0.73 of log2(3) and 0.65 of log2(4): the later row is the sharper one, though it has more bits."""
    third = [0.7, 0.2, 0.1, 0]
    fourth = [0.72, 0.1, 0.09, 0.09]
    entropy = [-sum(p * np.log2(p) for p in row if p) for row in (third, fourth)]
    assert entropy[0] < entropy[1]
    assert entropy[0] / np.log2(3) > entropy[1] / np.log2(4)
    grid = [[1, 0, 0, 0], [0.5, 0.5, 0, 0], third, fourth]
    assert compute_attention(made([[grid]]), selected(0, 0), 0).sharpest == 3
    grid[2] = [0, 1, 0, 0]
    assert compute_attention(made([[grid]]), selected(0, 0), 0).sharpest == 2


def test_sharpest_leaves_out_the_first_two():
    grid = [[1, 0, 0], [1, 0, 0], [0.4, 0.3, 0.3]]
    assert compute_attention(made([[grid]]), selected(0, 0), 0).sharpest == 2


def test_entropy_in_bits():
    rows = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4, [0.5, 0.25, 0.25, 0]], dtype=np.float32)
    entropy = attention_entropy(rows)
    assert_allclose(entropy, [0, 1, 2, 1.5])
    assert not np.signbit(entropy).any(), "-0.0 would be shown as such"
    assert attention_entropy(np.float32([[[1e-40, 1]]])).shape == (1, 1)
    assert np.isfinite(attention_entropy(np.float32([1e-40, 1])))


@pytest.mark.parametrize("view", ["", "Raw", "rollout ", None, 3, ["raw"]])
def test_a_view_that_does_not_exist_is_refused(tiny_gpt2: LanguageModel, view: Any):
    trace = compute_trace(tiny_gpt2, Prompt("any", "a fox"))
    with pytest.raises(SelectionError) as refused:
        compute_attention(trace, selected(0, 0), 0, view=view)
    assert str(refused.value) == f"There is no ‘{view}’ for the attention view. Choose raw, without_first or rollout."


def test_the_trace_is_left_as_it_was(tiny_gpt2: LanguageModel):
    trace = compute_trace(tiny_gpt2, Prompt("any", "a fox"))
    before = trace.attention(0).copy()
    for view in VIEWS:
        compute_attention(trace, selected(0, 0), 1, view=view)
    assert_array_equal(trace.attention(0), before)


@pytest.mark.parametrize("part", ["embedding", "norm", "output"])
def test_a_part_outside_the_blocks_has_no_attention(tiny_gpt2: LanguageModel, part: str):
    trace = compute_trace(tiny_gpt2, Prompt("any", "a fox"))
    with pytest.raises(SelectionError, match="has no attention"):
        compute_attention(trace, Selection.parse(part), 0)


def test_the_rollout_is_cached_under_a_version(trace: Trace):
    keys = []

    def derived(name: str, compute: Any, *, version: int) -> Any:
        keys.append((name, version))
        return compute()

    for view in VIEWS:
        compute_attention(trace, selected(1, 2), 4, view=view, derived=derived)
    assert keys == [("attention rollout", analysis.attention._ROLLOUT_VERSION)]
