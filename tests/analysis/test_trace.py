"""Trace: every number against an independent computation (plain transformers outputs, and each family's formulas
written out in the tests, with hooks and module names of their own)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from analysis.errors import TextError
from analysis.models.forward import compute_trace, encode
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.analysis.parts import Parts, added, explicit_norms
from tests.analysis.variants import VARIANTS
from tests.tiny import TEXT, TINY, make_tiny


@pytest.fixture(scope="module", params=[*TINY, *VARIANTS, "bundled"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Every family, every variant, and the bundled model."""
    if request.param == "bundled":
        found: LanguageModel = request.getfixturevalue("bundled_model")
        return found
    model_type, shape = VARIANTS.get(request.param, (request.param, {}))
    return make_tiny(model_type, **shape)


@pytest.fixture(scope="module")
def trace(model: LanguageModel) -> Trace:
    text = TEXT if model.name == "bundled" else TEXT[:50]
    return compute_trace(model, Prompt("any", text))


@contextmanager
def spying(modules: list[Any], seen: list[Any], *, output: bool) -> Iterator[None]:
    """What goes in or comes out of each module, in order; the hooks are gone afterwards."""

    def look(_module: Any, args: Any, named: Any, out: Any = None) -> None:
        value = out if output else args or named["hidden_states"]
        seen.append((value[0] if isinstance(value, tuple) else value).detach().clone())

    register = [m.register_forward_hook if output else m.register_forward_pre_hook for m in modules]
    handles = [add(look, with_kwargs=True) for add in register]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def plain_forward(model: LanguageModel, trace: Trace) -> Any:
    ids = torch.tensor(trace.token_ids)[None]
    with torch.no_grad():
        return model.network(ids, output_attentions=True, output_hidden_states=True, use_cache=False)


def flat(tensor: Tensor) -> Tensor:
    return tensor.reshape(-1, tensor.shape[-1])


def close(ours: Any, theirs: Any, rtol: float = 1e-5) -> None:
    """Equal to float32 accuracy, relative to the largest number of the array."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape
    assert_allclose(ours, theirs, rtol=0, atol=rtol * float(np.abs(theirs).max()))


def test_equals_the_plain_outputs(model: LanguageModel, trace: Trace):
    plain = plain_forward(model, trace)
    assert len(plain.attentions) == model.info.n_blocks
    for block in range(model.info.n_blocks):
        close(trace.attention(block), plain.attentions[block][0])
        close(trace.residual(block), plain.hidden_states[block][0])
    close(trace.logits(), plain.logits[0])
    # transformers' last hidden state is the normed one.
    with torch.no_grad():
        close(model.final_norm(torch.tensor(trace.residual(model.info.n_blocks))), plain.hidden_states[-1][0])


def test_the_last_residual_is_what_the_last_block_gives(model: LanguageModel, trace: Trace):
    seen: list[Tensor] = []
    with spying([Parts(model.network).blocks[-1]], seen, output=True):
        plain_forward(model, trace)
    close(trace.residual(model.info.n_blocks), seen[0][0])


def test_the_first_residual_is_what_enters_the_first_block(model: LanguageModel, trace: Trace):
    seen: list[Tensor] = []
    with spying([Parts(model.network).blocks[0]], seen, output=False):
        plain_forward(model, trace)
    close(trace.residual(0), seen[0][0])


def test_neurons_are_the_formula_of_the_family(model: LanguageModel, trace: Trace):
    parts, seen = Parts(model.network), []
    with spying(parts.mlp, seen, output=False):
        plain_forward(model, trace)
    for block, mlp in enumerate(parts.mlp):
        with torch.no_grad():
            close(trace.neurons(block), flat(parts.neurons(mlp, seen[block])))


def test_a_block_adds_its_attention_and_its_mlp(model: LanguageModel, trace: Trace):
    parts = Parts(model.network)
    attention: list[Tensor] = []
    mlp: list[Tensor] = []
    with spying(parts.attention_written, attention, output=True), spying(parts.mlp_written, mlp, output=True):
        plain_forward(model, trace)
    for block in range(model.info.n_blocks):
        change = trace.residual(block + 1) - trace.residual(block)
        written = flat(attention[block]) + flat(mlp[block])
        assert_allclose(change, written, rtol=0, atol=1e-5 * np.abs(trace.residual(block + 1)).max())


def test_attention_writes_what_its_head_outputs_give(model: LanguageModel, trace: Trace):
    parts, info = Parts(model.network), model.info
    heads: list[Tensor] = []
    written: list[Tensor] = []
    mlp: list[Tensor] = []
    with (
        spying(parts.attention_out, heads, output=False),
        spying(parts.attention_written, written, output=True),
        spying(parts.mlp_written, mlp, output=True),
    ):
        plain_forward(model, trace)
    for block in range(info.n_blocks):
        outputs = trace.head_outputs(block)
        assert outputs.shape == (trace.n_positions, info.n_heads, info.d_head)
        close(outputs, flat(heads[block]).unflatten(-1, (info.n_heads, -1)))
        with torch.no_grad():
            ours = model.attention_output(block, torch.tensor(outputs)).numpy()
        close(ours, flat(written[block]))
        alone = model.attention_output(block, torch.tensor(outputs[3]))
        assert_allclose(alone, ours[3], rtol=0, atol=1e-5 * np.abs(ours).max())
        after = trace.residual(block) + ours + flat(mlp[block]).numpy()
        assert_allclose(after, trace.residual(block + 1), rtol=0, atol=1e-5 * np.abs(after).max())


def test_an_mlp_reads_what_attention_wrote_unless_they_are_parallel(model: LanguageModel, trace: Trace):
    out = Parts(model.network).attention_written[1]
    silent = out.register_forward_hook(
        lambda _module, _args, output: (output[0] * 0, *output[1:]) if isinstance(output, tuple) else output * 0
    )
    try:
        changed = compute_trace(model, trace.prompt)
    finally:
        silent.remove()
    assert np.array_equal(changed.residual(1), trace.residual(1))
    assert np.array_equal(changed.neurons(1), trace.neurons(1)) == model.info.parallel
    assert not np.allclose(changed.residual(2), trace.residual(2))


def test_norms_of_heads_and_tiles_are_those_of_what_they_write(model: LanguageModel, trace: Trace):
    parts, info = Parts(model.network), model.info
    heads: list[Tensor] = []
    neurons: list[Tensor] = []
    with spying(parts.attention_out, heads, output=False), spying(parts.mlp_out, neurons, output=False):
        plain_forward(model, trace)
    for block in range(info.n_blocks):
        after_attention, after_mlp = parts.norms_after[block]
        width = heads[block].shape[-1] // info.n_heads
        expected = explicit_norms(heads[block], parts.attention_out[block], width, after_attention)
        close(trace.head_norms(block), expected, rtol=1e-4)
        expected = explicit_norms(neurons[block], parts.mlp_out[block], info.tile_width, after_mlp)
        close(trace.tile_norms(block), expected, rtol=1e-4)
        assert trace.tile_norms(block).shape == (trace.n_positions, info.n_tiles)
        assert trace.head_norms(block).shape == (trace.n_positions, info.n_heads)


def test_heads_together_write_what_attention_writes(model: LanguageModel, trace: Trace):
    """The heads' groups are in the order of the heads: alone with its group, a head's norm is its part's norm."""
    parts, info = Parts(model.network), model.info
    heads: list[Tensor] = []
    values: list[Tensor] = []
    with spying(parts.attention_out, heads, output=False), spying(parts.attention_written, values, output=True):
        plain_forward(model, trace)
    out, head, norm = parts.attention_out[0], info.n_heads - 1, parts.norms_after[0][0]
    width = heads[0].shape[-1] // info.n_heads
    alone = torch.zeros_like(heads[0])
    alone[..., head * width :] = heads[0][..., head * width :]
    with torch.no_grad():
        whole = out(heads[0])
        written = added(norm, out(alone) - (0 if out.bias is None else out.bias), whole)
        rest = added(norm, out(heads[0] - alone), whole)
    close(trace.head_norms(0)[:, head], flat(written).norm(dim=1), rtol=1e-4)
    assert_allclose(flat(written + rest), flat(values[0]), rtol=0, atol=1e-5 * float(values[0].abs().max()))


def test_attention_is_a_causal_distribution(model: LanguageModel, trace: Trace):
    n = trace.n_positions
    for block in range(model.info.n_blocks):
        attention = trace.attention(block)
        assert attention.shape == (model.info.n_heads, n, n)
        assert_allclose(attention.sum(-1), 1, atol=1e-5)
        assert np.all(np.triu(attention, 1) == 0)
        assert attention.min() >= 0


def test_a_head_moves_values_by_the_attention_that_is_shown(model: LanguageModel, trace: Trace):
    parts, info = Parts(model.network), model.info
    inputs: list[Tensor] = []
    heads: list[Tensor] = []
    with spying(parts.attention, inputs, output=False), spying(parts.attention_out, heads, output=False):
        plain_forward(model, trace)
    for block, attention in enumerate(parts.attention):
        with torch.no_grad():
            values = parts.values(attention, inputs[block][0])
        shared = values.repeat_interleave(info.n_heads // values.shape[1], dim=1).transpose(0, 1)
        moved = torch.tensor(trace.attention(block)) @ shared
        close(moved.transpose(0, 1).flatten(1), flat(heads[block]))


def test_the_head_reads_the_last_residual(model: LanguageModel, trace: Trace):
    with torch.no_grad():
        logits = model.head(model.final_norm(torch.tensor(trace.residual(model.info.n_blocks))))
    close(trace.logits(), logits)


def test_shapes_and_types_are_those_of_the_model(model: LanguageModel, trace: Trace):
    info, n = model.info, trace.n_positions
    assert trace.token_ids.dtype == np.int64
    assert trace.token_ids.tolist() == [token.id for token in encode(model, trace.prompt.text)]
    assert trace.residual(0).shape == (n, info.d_model)
    assert trace.neurons(0).shape == (n, info.n_neurons)
    assert trace.head_outputs(0).shape == (n, info.n_heads, info.d_head)
    assert trace.logits().shape == (n, info.n_vocab)
    assert info.n_tiles <= 64
    assert (info.n_tiles - 1) * info.tile_width < info.n_neurons <= info.n_tiles * info.tile_width


def test_a_second_trace_leaves_as_many_hooks_and_no_gradients(model: LanguageModel, trace: Trace):
    def hooks() -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.network.modules())

    before = hooks()
    again = compute_trace(model, trace.prompt)
    assert hooks() == before > 0
    assert np.array_equal(again.logits(), trace.logits())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in model.network.parameters())


def test_as_long_as_the_model_reads(tiny_model: LanguageModel):
    assert tiny_model.info.max_positions == 64
    spaces = len(encode(tiny_model, "%")) - 1  # SentencePiece's first one
    assert compute_trace(tiny_model, Prompt("any", "%" * (64 - spaces))).n_positions == 64
    with pytest.raises(TextError, match="this model reads at most 64"):
        compute_trace(tiny_model, Prompt("any", "%" * (65 - spaces)))


@pytest.mark.parametrize("text", ["a", " ", "🧀", "\x00"])
def test_shortest_texts(tiny_model: LanguageModel, text: str):
    trace = compute_trace(tiny_model, Prompt("any", text))
    assert_allclose(trace.attention(0)[:, 0, 0], 1)
    assert np.isfinite(trace.logits()).all()


def test_started_with_the_end_of_text_token(tiny_model: LanguageModel):
    plain, started = (compute_trace(tiny_model, Prompt("any", "fox", start=start)) for start in (False, True))
    assert started.token_ids.tolist() == [tiny_model.start_id, *plain.token_ids]
    assert not np.allclose(started.logits()[1:], plain.logits())


def test_a_prefix_does_not_depend_on_what_follows(tiny_model: LanguageModel):
    """Causal through and through, and positions are counted from the start (OPT's table has an offset of 2)."""
    long, short = (compute_trace(tiny_model, Prompt("any", text)) for text in ("%%ab%%%%%%", "%%ab"))
    for i in range(tiny_model.info.n_blocks + 1):
        assert_allclose(long.residual(i)[: short.n_positions], short.residual(i), rtol=1e-4, atol=1e-5)
