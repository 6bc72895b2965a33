import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from analysis.families import family_of
from analysis.model_info import MAX_TILES, tile_width
from analysis.models.forward import capture, compute_trace, encode
from analysis.models.hooks import _gram, _written_norms, install_hooks, recording
from analysis.models.language_model import LanguageModel
from analysis.tokens import Token
from analysis.trace import Prompt
from tests.tiny import FEW_FIRST, make_tiny


def run(model: LanguageModel) -> torch.Tensor:
    return model.network(torch.tensor([[1, 2, 3]])).logits


def test_nothing_is_kept_unless_asked(tiny_model: LanguageModel):
    with recording({}) as record:
        pass
    run(tiny_model)
    assert record == {}


def test_all_is_kept_when_asked(tiny_model: LanguageModel):
    with recording({}) as record:
        run(tiny_model)
    kinds = ("attention", "neurons", "head_outputs", "head_norms", "tile_norms")
    assert set(record) == {f"{kind}.{n}" for kind in kinds for n in range(3)} | {f"residual.{n}" for n in range(4)}


def test_recording_ends_with_an_error(tiny_model: LanguageModel):
    with pytest.raises(ZeroDivisionError), recording({}) as record:
        raise ZeroDivisionError
    run(tiny_model)
    assert record == {}


def test_one_recording_inside_another_keeps_them_apart(tiny_model: LanguageModel):
    with recording({}) as outer:
        with recording({}) as inner:
            run(tiny_model)
        assert outer == {}
        assert inner
        run(tiny_model)
    assert outer.keys() == inner.keys()


def test_hooks_do_not_change_what_is_computed():
    """The same random network with hooks, recorded or not, and without."""
    hooked, bare = make_tiny("gpt2"), make_tiny("gpt2").network
    for module in bare.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    expected = bare(torch.tensor([[1, 2, 3]])).logits
    assert torch.equal(run(hooked), expected)
    with recording({}):
        assert torch.equal(run(hooked), expected)


def test_hooks_are_permanent():
    model = make_tiny("gpt2")
    bare = model.network
    for module in bare.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    install_hooks(bare, family_of("gpt2"), model.info.n_heads)
    with recording({}) as record:
        run(model)
    assert record


@pytest.mark.parametrize(
    ("n_neurons", "width"),
    [(1, 1), (64, 1), (65, 2), (128, 2), (130, 3), (1024, 16), (3072, 48), (4096, 64), (6400, 100)],
)
def test_tiles_are_as_narrow_as_their_number_allows(n_neurons: int, width: int):
    assert tile_width(n_neurons) == width
    assert -(-n_neurons // width) <= MAX_TILES
    assert width == 1 or -(-n_neurons // (width - 1)) > MAX_TILES


class Slow:
    """Hooks that sleep for a random time, so that passes in several threads take turns within their blocks."""

    def __init__(self, model: LanguageModel) -> None:
        # Before and after whatever the model's own hooks do in the same place.
        modules = [m for m in model.network.modules() if not list(m.children())]
        self.handles = [m.register_forward_pre_hook(self.doze, prepend=True) for m in modules]
        self.handles += [m.register_forward_hook(self.doze) for m in modules]

    def doze(self, *_: object) -> None:
        time.sleep(random.random() * 0.002)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()


@pytest.mark.long
@pytest.mark.parametrize("tiny_model", FEW_FIRST, indirect=True)
def test_thirty_traces_from_eight_threads_equal_thirty_computed_alone(tiny_model: LanguageModel):
    texts = [f"{'fox ' * (n % 5)}number {n}" for n in range(30)]
    tokens = [encode(tiny_model, text) for text in texts]

    def captured(each: tuple[Token, ...]) -> dict[str, torch.Tensor]:
        record: dict[str, torch.Tensor] = {}
        capture(tiny_model, each, record)
        return record

    alone = [captured(each) for each in tokens]
    with Slow(tiny_model), ThreadPoolExecutor(8) as threads:
        together = list(threads.map(captured, tokens))
    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert_array_equal(one[name].numpy(), other[name].numpy())


def test_a_plain_pass_in_another_thread_leaves_no_trace(tiny_gpt2: LanguageModel):
    """While one thread records, a pass that is not recorded writes nowhere."""
    barrier = Barrier(2)
    ids = [1, 2, 3, 4, 5, 6, 7]

    def plain() -> None:
        barrier.wait()
        tiny_gpt2.network(torch.tensor([ids]))

    with ThreadPoolExecutor(1) as threads, recording({}) as record:
        done = threads.submit(plain)
        barrier.wait()
        done.result()
    assert record == {}


def test_what_cancels_out_has_a_norm_of_about_zero():
    """Rounding makes about half of these squares negative."""
    direction, output = torch.randn(8), torch.randn(16)
    inputs = torch.randn(200, 8)
    inputs -= torch.outer(inputs @ direction / (direction @ direction), direction)
    norms = _written_norms(inputs, _gram(torch.outer(direction, output), 8))
    assert norms.shape == (200, 1)
    assert ((norms >= 0) & (norms < 0.05)).all()


def test_norms_are_never_below_zero_or_undefined(tiny_model: LanguageModel):
    trace = compute_trace(tiny_model, Prompt("any", "a fox"))
    for block in range(3):
        for norms in (trace.head_norms(block), trace.tile_norms(block)):
            assert np.isfinite(norms).all()
            assert (norms >= 0).all()
            assert norms.max() > 0
