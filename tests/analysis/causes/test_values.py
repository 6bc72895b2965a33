"""Values against those that hooks on plain modules see, on every family."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from analysis.causes.values import attention_input_norm, block_part, head_values, output_maps, value_maps
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from tests.analysis.parts import Parts
from tests.analysis.variants import VARIANTS
from tests.tiny import make_tiny

TEXT = "The fox met a crow 🧀."


def check(model: LanguageModel) -> None:
    trace, parts = compute_trace(model, Prompt("tiny", TEXT)), Parts(model.network)
    read: list[torch.Tensor] = []
    hooks = [
        attention.register_forward_pre_hook(
            lambda _module, args, kwargs: read.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
        )
        for attention in parts.attention
    ]
    with torch.inference_mode():
        model.network(input_ids=torch.tensor(trace.token_ids[None]))
    for hook in hooks:
        hook.remove()
    for block in range(trace.info.n_blocks):
        with torch.inference_mode():
            grouped = parts.values(parts.attention[block], read[block][0])
        expected = grouped.repeat_interleave(trace.info.n_heads // grouped.shape[1], dim=1).numpy()
        values = head_values(model, trace, block)
        assert_allclose(values, expected, rtol=1e-4, atol=1e-5)
        # Weighted by attention, they are the heads' outputs, which the trace has recorded.
        weighted = np.einsum("hqk,khd->qhd", trace.attention(block), values)
        assert_allclose(weighted, trace.head_outputs(block), rtol=1e-4, atol=1e-5)
        whole = np.einsum("qhd,hdm->qm", weighted, output_maps(model, block))
        out = parts.attention_out[block]
        with torch.inference_mode():
            written = out(torch.tensor(trace.head_outputs(block).reshape(len(whole), -1))).numpy()
        assert_allclose(whole + (0 if out.bias is None else out.bias.numpy()), written, rtol=1e-4, atol=1e-5)


def test_they_are_what_the_network_computes(tiny_model: LanguageModel) -> None:
    check(tiny_model)


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(variant: str) -> None:
    kind, shape = VARIANTS[variant]
    check(make_tiny(kind, **shape))


def test_the_maps_are_linear_in_what_is_read(tiny_model: LanguageModel) -> None:
    trace = compute_trace(tiny_model, Prompt("tiny", TEXT))
    norm, maps = attention_input_norm(tiny_model, 1), value_maps(tiny_model, 1)
    read = torch.tensor(trace.residual(1))
    with torch.inference_mode():
        read = read if norm is None else norm(read)
    bias = getattr(block_part(tiny_model, 1, tiny_model.family.values), "bias", None)
    products = np.einsum("km,mhd->khd", read.numpy(), maps)
    values = head_values(tiny_model, trace, 1)
    moved = (values - products) - (values - products)[0]  # a bias is the same at each position
    assert_allclose(moved, 0, atol=1e-4)
    assert bias is not None or np.abs(values - products).max() < 1e-4
