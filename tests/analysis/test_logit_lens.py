"""The logit lens against readings made in the test, with hooks and formulas of its own, on every family."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor

import analysis.logit_lens
from analysis.errors import SelectionError
from analysis.logit_lens import (
    AT_ONCE,
    LensCells,
    LogitLensResult,
    cells_work,
    compute_lens_cells,
    compute_logit_lens,
    pinned_ids,
    plan_logit_lens,
)
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.task import Arrays
from analysis.trace import Prompt, Trace
from tests.analysis.parts import Parts
from tests.tiny import TEXT, long_text, make_tiny

OUTPUT = Selection.parse("output")
POSITION = 4
# What reads the stream between attention and MLP: a norm, or the MLP itself.
READS_BETWEEN = {
    "gpt2": "ln_2", "gpt_neo": "ln_2", "gpt_neox": "post_attention_layernorm", "opt": "final_layer_norm",
    **dict.fromkeys(("gemma2", "gemma3_text", "vaultgemma"), "pre_feedforward_layernorm"),
    **dict.fromkeys(("olmo2", "olmo3", "exaone4"), "mlp"),
}  # fmt: skip


@pytest.fixture(scope="module")
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", TEXT[:40]))


def lens(model: LanguageModel, trace: Trace, selection: Any, position: int, **knobs: Any) -> LogitLensResult:
    return compute_logit_lens(model, trace, compute_lens_cells(model, trace), selection, position, **knobs)


def best(result: LogitLensResult, depth: int) -> tuple[int, float]:
    """The most probable token at a depth of the selected position, and its probability."""
    at = depth, result.position
    return int(result.cells.top[at]), float(result.cells.probabilities[at])


def entering(modules: list[Any], network: Any, ids: Any) -> list[Tensor]:
    """What enters each module last in a plain forward pass, in float64, (n_positions, d_model)."""
    seen: dict[Any, Tensor] = {}

    def look(module: Any, args: Any, named: Any) -> None:
        stream = args[0] if args else named["hidden_states"]
        seen[module] = stream.reshape(-1, stream.shape[-1]).double()  # OPT flattens batch and positions itself

    handles = [module.register_forward_pre_hook(look, with_kwargs=True) for module in modules]
    with torch.no_grad():
        network(torch.tensor(ids)[None], use_cache=False)
    for handle in handles:
        handle.remove()
    return [seen[module] for module in modules]


def read(network: Any, stream: Tensor) -> np.ndarray:
    """Probabilities over the vocabulary: the final norm, the output head and the softmax written out in float64."""
    return torch.softmax(Parts(network).logits(stream), -1).numpy()


def ranks_of(probabilities: np.ndarray, ids: Any) -> np.ndarray:
    order = np.argsort(-probabilities, axis=-1, kind="stable")
    return 1 + np.argmax(order == np.asarray(ids)[..., None], axis=-1)


def test_every_cell_is_head_of_norm_of_the_residual(tiny_model: LanguageModel, trace: Trace) -> None:
    network, parts = tiny_model.network, Parts(tiny_model.network)
    cells = compute_lens_cells(tiny_model, trace)
    streams = entering([*parts.blocks, parts.norm], network, trace.token_ids)
    output = read(network, streams[-1]).argmax(-1)
    assert cells.top.shape == (4, trace.n_positions)
    for depth, stream in enumerate(streams):
        expected = read(network, stream)
        assert_array_equal(cells.top[depth], expected.argmax(-1))
        assert_allclose(cells.probabilities[depth], expected.max(-1), rtol=1e-5)
        assert_array_equal(cells.next_ranks[depth, :-1], ranks_of(expected[:-1], trace.token_ids[1:]))
        assert_array_equal(cells.output_ranks[depth], ranks_of(expected, output))
        assert_allclose(cells.output_probabilities[depth], expected[range(len(output)), output], rtol=1e-5)
    assert not cells.next_ranks[:, -1].any()


def test_the_last_depth_is_the_models_output(tiny_model: LanguageModel, trace: Trace) -> None:
    with torch.no_grad():
        logits = tiny_model.network(torch.tensor(trace.token_ids)[None]).logits[0]
    output = torch.softmax(logits.double(), -1).numpy()
    cells = compute_lens_cells(tiny_model, trace)
    assert_array_equal(cells.top[-1], output.argmax(-1))
    assert_allclose(cells.probabilities[-1], output.max(-1), rtol=1e-5)
    assert_array_equal(cells.output_ranks[-1], 1)
    result = compute_logit_lens(tiny_model, trace, cells, OUTPUT, POSITION)
    assert result.depth == 3
    assert result.probabilities[-1, 0] == pytest.approx(output[POSITION].max(), rel=1e-5)


@pytest.mark.parametrize("pins", [(), (7,), (7, 250, 31)])
def test_tokens_are_followed_through_depth(tiny_model: LanguageModel, trace: Trace, pins: tuple[int, ...]) -> None:
    network, parts = tiny_model.network, Parts(tiny_model.network)
    result = lens(tiny_model, trace, OUTPUT, POSITION, pins=pins)
    streams = entering([*parts.blocks, parts.norm], network, trace.token_ids)
    ids = list(pins) or [int(read(network, streams[-1][POSITION]).argmax())]
    assert [piece.id for piece in result.followed] == ids
    assert result.pinned == bool(pins)
    assert result.probabilities.shape == result.ranks.shape == (4, len(ids))
    for depth, stream in enumerate(streams):
        expected = read(network, stream[POSITION])
        assert_allclose(result.probabilities[depth], expected[ids], rtol=1e-5)
        assert result.ranks[depth].tolist() == [int(ranks_of(expected, one)) for one in ids]


def test_probabilities_of_large_logits_are_exact(bundled_model: LanguageModel) -> None:
    """A trained model's logits, against a softmax in float64 of the whole vocabulary."""
    trace = compute_trace(bundled_model, Prompt("bundled", TEXT))
    cells = compute_lens_cells(bundled_model, trace)
    for position in (0, 9, trace.n_positions - 1):
        result = compute_logit_lens(bundled_model, trace, cells, OUTPUT, position)
        for depth in range(result.n_blocks + 1):
            logits = bundled_model.lens_logits(trace.residual(depth)[[position]]).astype(np.float64)[0]
            expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
            assert result.probabilities[depth, 0] == pytest.approx(expected[result.followed[0].id], rel=1e-5)
            assert best(result, depth) == (expected.argmax(), pytest.approx(expected.max(), rel=1e-5))


@pytest.mark.parametrize("block", [0, 2])
def test_between_attention_and_mlp_is_what_the_second_norm_reads(
    tiny_model: LanguageModel, trace: Trace, block: int
) -> None:
    selection = Selection.parse(f"block.{block}.attention.head.1")
    result = lens(tiny_model, trace, selection, POSITION)
    assert (result.attention, result.depth) == (block, block + 1)
    kind = tiny_model.network.config.model_type  # type: ignore[union-attr]
    if kind in ("gptj", "phi", "gpt_neox"):
        assert result.between is None
        return
    check_between(tiny_model, trace, block, READS_BETWEEN.get(kind, "post_attention_layernorm"))


def test_a_serial_neox_has_something_between() -> None:
    model = make_tiny("gpt_neox", use_parallel_residual=False)
    check_between(model, compute_trace(model, Prompt("tiny", TEXT[:40])), 1, READS_BETWEEN["gpt_neox"])


def check_between(model: LanguageModel, trace: Trace, block: int, norm: str) -> None:
    module = Parts(model.network).blocks[block].get_submodule(norm)
    (stream,) = entering([module], model.network, trace.token_ids)
    for position in (0, POSITION, trace.n_positions - 1):
        selection = Selection.parse(f"block.{block}.attention")
        result = lens(model, trace, selection, position)
        assert result.between is not None
        piece, probability = result.between
        expected = read(model.network, stream[position])
        assert piece.id == expected.argmax()
        assert probability == pytest.approx(expected.max(), rel=1e-5)
        assert result.probabilities.shape == (model.info.n_blocks + 1, 1)


@pytest.mark.parametrize("part", ["embedding", "block.1.mlp", "block.1.mlp.neuron.3", "norm", "output"])
def test_between_is_read_with_attention_selected_only(tiny_gpt2: LanguageModel, part: str) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    result = lens(tiny_gpt2, trace, Selection.parse(part), 1)
    assert result.attention is result.between is None
    assert result.depth == {"embedding": 0, "block": 2}.get(part.split(".", maxsplit=1)[0], 3)


def test_a_click_without_pins_reads_no_logits(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole distributions of every depth would take a third of a forward pass."""
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    cells = compute_lens_cells(tiny_gpt2, trace)
    monkeypatch.setattr(LanguageModel, "head", refused)
    compute_logit_lens(tiny_gpt2, trace, cells, Selection.parse("block.1.mlp"), 9, derived=refused)


def test_pinned_tokens_are_derived(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    cells = compute_lens_cells(tiny_gpt2, trace)
    names: list[tuple[str, int]] = []

    def derived(name: str, compute: Any, *, version: int) -> Arrays:
        names.append((name, version))
        arrays: Arrays = compute()
        return arrays

    for position, pins in ((9, (7,)), (9, (7, 8)), (4, (7,))):
        compute_logit_lens(tiny_gpt2, trace, cells, OUTPUT, position, pins=pins, derived=derived)
    assert names == [("logit lens pins 9 7", 2), ("logit lens pins 9 7,8", 2), ("logit lens pins 4 7", 2)]


def refused(*_: Any, **__: Any) -> Arrays:
    raise AssertionError("nothing needs to be derived")


def test_in_parts_it_is_the_same(tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    whole = compute_lens_cells(tiny_gpt2, trace)
    shares: list[float] = []
    monkeypatch.setattr(analysis.logit_lens, "MAX_LOGITS", 7 * tiny_gpt2.info.n_vocab)
    monkeypatch.setattr(analysis.logit_lens, "AT_ONCE", 0)
    task = plan_logit_lens(tiny_gpt2, trace)
    assert task is not None
    parts = task.result(task.compute(lambda share, _partial: shares.append(share)) | {"seconds": np.float64(1)})
    for name in ("top", "next_ranks", "output_ranks"):
        assert_array_equal(getattr(parts, name), getattr(whole, name))
    for name in ("probabilities", "output_probabilities", "log_totals"):
        assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-5)
    assert len(shares) == 4 * -(-trace.n_positions // 7)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_huge_logits_do_not_overflow(tiny_gpt2: LanguageModel) -> None:
    plain = compute_trace(tiny_gpt2, Prompt("tiny", "The fox met"))
    logits = np.where(np.arange(300) == 5, np.float32(1e4), np.float32(-1e4)) + np.zeros_like(plain.logits())
    trace = Trace(plain.prompt, plain.tokens, plain.info, lambda n: logits if n == "logits" else plain.array(n))
    result = lens(tiny_gpt2, trace, OUTPUT, 0, pins=(5, 6))
    assert result.probabilities[-1].tolist() == [1, 0]
    assert result.ranks[-1].tolist() == [1, 2]


@pytest.mark.long
def test_only_what_is_slow_is_a_task(tiny_gpt2: LanguageModel) -> None:
    quick = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    assert cells_work(quick.info, quick.n_positions) == 3 * quick.n_positions * 32 * 300 < AT_ONCE
    assert plan_logit_lens(tiny_gpt2, quick) is None
    asked: list[tuple[str, int]] = []

    def derived(name: str, compute: Any, *, version: int) -> Arrays:
        asked.append((name, version))
        arrays: Arrays = compute()
        return arrays

    assert isinstance(compute_lens_cells(tiny_gpt2, quick, derived=derived), LensCells)
    assert asked == [("logit lens", 3)]
    slow = make_tiny("gpt2", vocab_size=200_000, max_position_embeddings=128)
    trace = compute_trace(slow, Prompt("tiny", long_text(slow, 64)))
    task = plan_logit_lens(slow, trace)
    assert task is not None
    assert (task.name, task.version) == ("logit lens", 3)
    assert task.work == cells_work(trace.info, 64) > AT_ONCE


@pytest.mark.parametrize(("text", "ids"), [("", ()), ("7", (7,)), ("7,0,123", (7, 0, 123)), ("7,7,8", (7, 8))])
def test_pins_as_text(text: str, ids: tuple[int, ...]) -> None:
    assert pinned_ids(text) == ids


@pytest.mark.parametrize("text", ["a", "1,", ",", "1;2", "-1", "1.5", " 1", "1234567890", "١"])
def test_text_that_is_no_list_of_ids_is_refused(text: str) -> None:
    with pytest.raises(SelectionError, match="must be given as token ids"):
        pinned_ids(text)


@pytest.mark.parametrize(
    ("pins", "words"),
    [((300,), "no token id 300: .* 0–299"), ((1, 2, 3, 4), "4 tokens are pinned; at most 3")],
)
def test_pins_that_cannot_be_followed_are_refused(tiny_gpt2: LanguageModel, pins: Any, words: str) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "a"))
    with pytest.raises(SelectionError, match=words):
        lens(tiny_gpt2, trace, OUTPUT, 0, pins=pins)
