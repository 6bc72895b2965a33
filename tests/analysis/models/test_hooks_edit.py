"""Edits of a pass, beside recorders and other threads."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from analysis.models.hooks import editing, recording
from analysis.models.language_model import LanguageModel

SITES = ("residual", "head_outputs", "neurons", "attention", "mlp")


def run(model: LanguageModel) -> torch.Tensor:
    return model.network(torch.tensor([[1, 2, 3]])).logits


def test_every_site_of_every_block_is_edited_once(tiny_model: LanguageModel):
    seen: list[str] = []

    def reads(site: str):
        return lambda values: seen.append(site) or values

    with editing({f"{kind}.{block}": reads(f"{kind}.{block}") for kind in SITES for block in range(3)}):
        same = run(tiny_model)
    assert sorted(seen) == sorted(f"{kind}.{block}" for kind in SITES for block in range(3))
    assert torch.equal(same, run(tiny_model))


def test_a_recorder_is_given_what_was_edited(tiny_model: LanguageModel):
    edits = {f"{kind}.1": torch.zeros_like for kind in ("residual", "head_outputs", "neurons")}
    with editing(edits), recording({}) as record:
        run(tiny_model)
    for name in edits:
        assert not record[name].any()
    assert record["residual.2"].shape == record["residual.1"].shape


def test_edits_end_with_an_error_and_inner_ones_with_their_context(tiny_gpt2: LanguageModel):
    plain = run(tiny_gpt2)
    with pytest.raises(ZeroDivisionError), editing({"mlp.0": torch.zeros_like}):
        raise ZeroDivisionError
    assert torch.equal(run(tiny_gpt2), plain)
    with editing({"mlp.0": torch.zeros_like}):
        outer = run(tiny_gpt2)
        with editing({}):
            assert torch.equal(run(tiny_gpt2), plain)
        assert torch.equal(run(tiny_gpt2), outer)
    assert not torch.equal(outer, plain)


def test_a_pass_in_another_thread_is_not_edited(tiny_gpt2: LanguageModel):
    plain, barrier = run(tiny_gpt2), Barrier(2)

    def beside() -> torch.Tensor:
        barrier.wait()
        return run(tiny_gpt2)

    with ThreadPoolExecutor(1) as threads, editing({"mlp.1": torch.zeros_like}):
        done = threads.submit(beside)
        barrier.wait()
        edited = run(tiny_gpt2)
        assert torch.equal(done.result(), plain)
    assert not torch.equal(edited, plain)
