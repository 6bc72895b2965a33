"""Direct attribution: every part's share against a computation of its own, on every family."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor

from analysis.attribution import AttributionResult, compute_attribution
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.selection import Selection
from analysis.trace import Prompt, Trace
from tests.analysis.parts import Parts, added
from tests.tiny import make_tiny

TEXT, POSITION, TARGET, AGAINST = "The fox met a crow 🧀.", 4, 17, 5
NO_FLOAT32_INSIDE = ("gpt2", "gpt_neo", "gptj", "gpt_neox", "opt", "phi", "stablelm", "starcoder2")  # LayerNorm


def attributed(model: LanguageModel, trace: Trace, selection: str = "output", **knobs: Any) -> AttributionResult:
    return compute_attribution(model, trace, Selection.parse(selection), POSITION, **knobs)


@pytest.fixture
def trace(tiny_model: LanguageModel) -> Trace:
    return compute_trace(tiny_model, Prompt("tiny", TEXT))


class Own:
    """The shares with all formulas written out, in float64. The final norm's scale is that of the last stream here."""

    def __init__(self, model: LanguageModel, trace: Trace, position: int, read: Callable[[Tensor], Tensor]) -> None:
        """read: from rows of the vocabulary, what is explained."""
        self.parts, self.trace, self.position, self.read = Parts(model.network), trace, position, read
        parts, stream = self.parts, torch.tensor(trace.residual(trace.info.n_blocks)[position]).double()
        self.centred = parts.norm.__class__.__name__.find("RMS") < 0
        weight = getattr(parts.norm, "weight", None)
        one_more = 1 if parts.gemma or parts.kind == "nemotron" else 0
        self.gains = torch.ones(()) if weight is None else weight.double() + one_more
        moved = stream - stream.mean() if self.centred else stream
        eps = next(
            float(v) for v in (getattr(parts.norm, n, None) for n in ("eps", "variance_epsilon")) if v is not None
        ) if parts.kind != "olmo" else 1e-5  # fmt: skip
        self.sigma = (moved.square().mean() + eps).sqrt()

    def share(self, vector: Any) -> float:
        x = torch.as_tensor(vector).double()
        x = x - x.mean() if self.centred else x
        return float(self.read(self.parts.head.weight.double() @ (self.gains * x / self.sigma)))

    def written(self, block: int, inputs: Any, module: Any, norm: Any, width: int) -> tuple[list[float], float]:
        """The shares of groups of inputs of a last linear map, and that of its bias."""
        weight = module.weight.double()
        weight = weight.T if isinstance(module, torch.nn.Linear) else weight
        bias = torch.zeros(weight.shape[1]) if module.bias is None else module.bias.double()
        x = torch.tensor(inputs[self.position].ravel()).double()
        starts = range(0, len(x), width)
        whole = x @ weight + bias
        pieces = [x[s : s + width] @ weight[s : s + width] for s in starts]
        *shares, last = (self.share(added(norm, piece, whole)) for piece in (*pieces, bias))
        return shares, last


def own(model: LanguageModel, trace: Trace) -> Own:
    return Own(model, trace, POSITION, lambda rows: rows[TARGET] - rows[AGAINST])


def close(one: Any, other: Any) -> None:
    assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_heads_neurons_and_their_biases_are_what_they_write(tiny_model: LanguageModel, trace: Trace) -> None:
    result = attributed(tiny_model, trace, f"output~{TARGET}", against=AGAINST)
    expected, width = own(tiny_model, trace), trace.info.tile_width
    parts = expected.parts
    for block in range(3):
        after, after_mlp = parts.norms_after[block]
        heads, bias = expected.written(
            block, trace.head_outputs(block), parts.attention_out[block], after, trace.info.d_head
        )
        tiles, mlp_bias = expected.written(block, trace.neurons(block), parts.mlp_out[block], after_mlp, width)
        close(result.heads[block], heads)
        close(result.tiles[block], tiles)
        assert (result.attention_biases is None) == (parts.attention_out[block].bias is None)
        assert (result.mlp_biases is None) == (parts.mlp_out[block].bias is None)
        close(0 if result.attention_biases is None else result.attention_biases[block], bias)
        close(0 if result.mlp_biases is None else result.mlp_biases[block], mlp_bias)


def test_what_belongs_to_no_block(tiny_model: LanguageModel, trace: Trace) -> None:
    result = attributed(tiny_model, trace, f"output~{TARGET}", against=AGAINST)
    expected = own(tiny_model, trace)
    parts, config = expected.parts, tiny_model.network.config
    token = tiny_model.network.get_input_embeddings().weight[int(trace.token_ids[POSITION])]  # type: ignore[operator]
    learned = {
        "gpt2": lambda: parts.decoder.wpe.weight[POSITION],
        "gpt_neo": lambda: parts.decoder.wpe.weight[POSITION],
        "opt": lambda: parts.decoder.embed_positions.weight[POSITION + 2],
    }
    if parts.kind in learned:
        assert result.positions is not None
        close(result.embedding, expected.share(token))
        close(result.positions, expected.share(learned[parts.kind]()))
    else:
        assert result.positions is None
        scale = config.hidden_size**0.5 if parts.gemma else 1
        if parts.kind == "nanochat":
            token = token / (token.square().mean() + config.rms_norm_eps).sqrt()
        close(result.embedding, expected.share(token * scale))
    norm_bias, head_bias = getattr(parts.norm, "bias", None), parts.head.bias
    rows = parts.head.weight.double()
    assert (result.norm_bias is None) == (norm_bias is None)
    assert (result.head_bias is None) == (head_bias is None)
    close(result.norm_bias or 0, 0 if norm_bias is None else float(norm_bias.double() @ (rows[TARGET] - rows[AGAINST])))
    close(result.head_bias or 0, 0 if head_bias is None else float(head_bias[TARGET] - head_bias[AGAINST]))


def test_the_parts_sum_to_the_logit_and_are_antisymmetric(tiny_model: LanguageModel, trace: Trace) -> None:
    """Before the cap, which is applied here a second time."""
    single = attributed(tiny_model, trace, f"output~{TARGET}")
    largest = max(np.abs(single.heads).max(), np.abs(single.tiles).max(), abs(single.embedding))
    capped = single.logit if single.cap is None else single.cap * np.tanh(single.logit / single.cap)
    close(capped, trace.logits()[POSITION, TARGET])
    assert (single.cap is not None) == (
        tiny_model.network.config.model_type in ("gemma2", "gemma3_text", "vaultgemma", "nanochat")
    )
    assert abs(single.difference) < 1e-3 * largest
    assert single.total == pytest.approx(single.logit, abs=1e-5)
    one = attributed(tiny_model, trace, f"block.1.mlp~{TARGET}", against=AGAINST)
    other = attributed(tiny_model, trace, f"block.1.mlp~{AGAINST}", against=TARGET)
    for name in ("heads", "tiles", "neurons", "attention_biases", "mlp_biases", "embedding", "norm_bias", "logit"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert_allclose(np.negative(a), b, atol=1e-6)
    assert one.total == pytest.approx(one.logit, abs=1e-5)


def test_neurons_are_the_tiles_and_the_line_adds_up_the_stream(tiny_model: LanguageModel, trace: Trace) -> None:
    result = attributed(tiny_model, trace, f"block.2.mlp.neuron.3~{TARGET}", against=AGAINST)
    assert result.neurons is not None
    padded = np.zeros(trace.info.n_tiles * trace.info.tile_width)
    padded[: trace.info.n_neurons] = result.neurons
    close(padded.reshape(trace.info.n_tiles, -1).sum(axis=1), result.tiles[2])
    share = own(tiny_model, trace).share
    streams = [share(trace.residual(block)[POSITION]) for block in range(4)]
    assert result.cumulated.shape == (7,)
    close(result.cumulated[::2], streams)
    assert attributed(tiny_model, trace, "block.2.attention").neurons is None


def in_float64(model: LanguageModel) -> LanguageModel:
    """A copy in double precision, with hooks of its own."""
    network = type(model.network)(model.network.config)
    network.load_state_dict(model.network.state_dict())
    return prepare_model("double", network.double(), model.tokenizer)


@pytest.mark.parametrize("kind", NO_FLOAT32_INSIDE)
def test_in_double_precision_the_sum_is_exact(kind: str) -> None:
    model = in_float64(make_tiny(kind))
    result = attributed(model, compute_trace(model, Prompt("any", TEXT)), against=AGAINST)
    assert abs(result.difference) < 1e-9


@pytest.mark.long
def test_the_bundled_model(bundled_model: LanguageModel) -> None:
    text = "Once upon a time there was a little girl. Once upon a time"
    double = in_float64(bundled_model)
    exact = attributed(double, compute_trace(double, Prompt("any", text)))
    result = attributed(bundled_model, compute_trace(bundled_model, Prompt("any", text)))
    assert abs(exact.difference) < 1e-9
    assert abs(result.difference) < 1e-3 * np.abs(result.heads).max()
    assert exact.target == result.target
    assert_allclose(result.heads, exact.heads, atol=1e-4)
    assert_allclose(result.tiles, exact.tiles, atol=1e-4)


def test_the_target_is_the_selected_token_or_the_most_probable_one(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    usual, chosen = attributed(tiny_gpt2, trace), attributed(tiny_gpt2, trace, "output~7")
    assert usual.target.id == trace.logits()[POSITION].argmax()
    assert (usual.chosen, chosen.chosen, chosen.target.id) == (False, True, 7)
    assert_array_equal(attributed(tiny_gpt2, trace).heads, usual.heads)
    assert attributed(tiny_gpt2, trace, "output~7", against=7).total == 0
    other = compute_attribution(tiny_gpt2, trace, Selection.parse("output~7"), POSITION + 1)
    assert np.abs(other.heads - chosen.heads).max() > 1e-3, "another position has other shares"


@pytest.mark.parametrize(("selection", "against"), [("output~300", None), ("output", 300)])
def test_a_token_that_does_not_exist_is_refused(tiny_gpt2: LanguageModel, selection: str, against: int | None) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", TEXT))
    with pytest.raises(SelectionError, match="no token id 300"):
        attributed(tiny_gpt2, trace, selection, against=against)


def test_where_nothing_is_finite_no_share_is() -> None:
    model = make_tiny("gpt2")
    with torch.no_grad():
        model.network.transformer.h[1].mlp.c_proj.bias[0] = torch.inf  # type: ignore[union-attr]
    result = attributed(model, compute_trace(model, Prompt("any", TEXT)))
    assert not np.isfinite(result.heads).any()
    assert not np.isfinite(result.total)
