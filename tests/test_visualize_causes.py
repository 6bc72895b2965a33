"""Causes in a notebook: attributions and scores are those of `analysis`, removals and patches those of own hooks."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import visualize
from analysis.attribution import compute_attribution
from analysis.causes.copying import compute_copying
from analysis.causes.head_scores import compute_head_scores, probe_trace
from analysis.causes.patching import align
from analysis.errors import AnalysisError, SelectionError, TextError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt, Trace
from layouts.figures.architecture import HEADS
from layouts.figures.text import number
from tests.test_visualize import FOX, KING, title, words

pytestmark = pytest.mark.usefixtures("no_model_chosen")
QUEEN = "When the king and the queen went to the garden, the queen gave a rose to the queen"
Change = Callable[[torch.Tensor], torch.Tensor]


class PlainGpt2:
    """The bundled network without the project's hooks. Heads are read and changed before attention's output map."""

    def __init__(self, model: LanguageModel) -> None:
        self.network: Any = deepcopy(model.network)
        for module in self.network.modules():
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
        self.tokenizer, self.d_head = model.tokenizer, model.info.d_head

    def ids(self, sentence: str) -> torch.Tensor:
        return torch.tensor([self.tokenizer(sentence)["input_ids"]])

    def logits(self, sentence: str, changes: dict[str, Change]) -> Any:
        """Of every position, with the outputs of some modules changed, or the inputs of attention's output maps."""
        handles = []
        for name, change in changes.items():
            module = self.network.get_submodule(f"transformer.h.{name}")
            if name.endswith("c_proj"):
                handles.append(module.register_forward_pre_hook(lambda _m, args, change=change: (change(args[0]),)))
            else:
                handles.append(module.register_forward_hook(lambda _m, _a, output, change=change: change(output)))
        with torch.no_grad():
            logits = self.network(self.ids(sentence)).logits[0].double()
        for handle in handles:
            handle.remove()
        return logits

    def head(self, number: int) -> slice:
        return slice(number * self.d_head, (number + 1) * self.d_head)

    def by_mean(self, name: str, columns: slice = slice(None), rows: slice = slice(None)) -> dict[str, Change]:
        """Replaces values by their mean over KING as it is."""
        mean = self.read(KING, name)[..., columns].mean(1, keepdim=True)

        def change(values: torch.Tensor) -> torch.Tensor:
            changed = values.clone()
            changed[:, rows, columns] = mean
            return changed

        return {name: change}

    def read(self, sentence: str, name: str) -> torch.Tensor:
        found: list[torch.Tensor] = []

        def keep(values: torch.Tensor) -> torch.Tensor:
            found.append(values.clone())
            return values

        self.logits(sentence, {name: keep})
        return found[0]


@pytest.fixture(params=["tiny", "bundled"])
def model(request: pytest.FixtureRequest, tiny_gpt2: LanguageModel, bundled_model: LanguageModel) -> LanguageModel:
    return tiny_gpt2 if request.param == "tiny" else bundled_model


@pytest.fixture
def trace(model: LanguageModel) -> Trace:
    return compute_trace(model, Prompt("any", FOX))


@pytest.fixture
def plain(bundled_model: LanguageModel) -> PlainGpt2:
    return PlainGpt2(bundled_model)


def test_head_scores_are_those_of_the_text_or_the_probe(model: LanguageModel, trace: Trace):
    here, probe = visualize.head_scores(FOX, sort="previous", model=model), visualize.head_scores(model=model)
    for table, read in ((here, trace), (probe, probe_trace(model))):
        expected = {**compute_head_scores(read), "copying": compute_copying(model)}
        assert set(table.scores) == set(expected)
        for name, scores in table.scores.items():
            assert_array_equal(scores, expected[name])
    assert "“The fox met" in str(here)
    assert "crow had a &lt;b&gt;”" in here._repr_html_()
    with pytest.raises(SelectionError, match="There is no ‘magic’ for the score"):
        visualize.head_scores(sort="magic", model=model)  # type: ignore[arg-type]


def test_direct_attribution_is_that_of_the_target_minus_the_other(model: LanguageModel, trace: Trace):
    figure = visualize.plot_logit_attribution(FOX, position=3, target=7, against=11, model=model)
    result = compute_attribution(model, trace, Selection.parse("output~7"), 3, against=11)
    heat, _outside, _labels, bars, line = figure.data
    sizes = np.abs(heat.z[:, : trace.info.n_heads])
    assert np.unravel_index(sizes.argmax(), sizes.shape) == np.unravel_index(
        np.abs(result.heads).argmax(), result.heads.shape
    )
    expected = trace.logits()[3, 7] - trace.logits()[3, 11]
    assert_allclose(line.y[-1], expected, atol=1e-4)
    assert len(bars.x) == 12
    assert title(figure).startswith("Direct attribution · position 3, ‘")
    assert "The parts sum to" in words(figure)


def test_the_scene_by_direct_attribution(model: LanguageModel, trace: Trace):
    figure = visualize.enhanced_3d_visualization(FOX, color_by="attribution", model=model)
    result = compute_attribution(model, trace, Selection.parse("output"), trace.n_positions - 1)
    assert_allclose(figure.data[HEADS].meta["values"], result.heads.ravel(), rtol=0.01, atol=1e-6)


def after(figure: Any) -> dict[str, float]:
    """Probabilities after the removal, by what a click on a bar selects; those among the five most probable."""
    bars = figure.data[1]
    assert bars.name == "after"
    return {select: share for select, share in zip(bars.customdata, bars.x, strict=True) if share is not None}


def test_probabilities_without_parts_are_those_of_a_plain_network(plain: PlainGpt2):
    figure = visualize.plot_ablation(KING, "block.3.attention.head.4, block.1.mlp@4=zero", position=12)

    def without_mlp(output: torch.Tensor) -> torch.Tensor:
        changed = output.clone()
        changed[:, 4] = 0
        return changed

    changes = plain.by_mean("3.attn.c_proj", plain.head(4)) | {"1.mlp": without_mlp}
    shares = plain.logits(KING, changes)[12].softmax(-1)
    most = shares.topk(5)
    assert after(figure) == pytest.approx(
        {f"~{token}": float(share) for token, share in zip(most.indices.tolist(), most.values, strict=True)}, rel=1e-4
    )
    before = plain.logits(KING, {})[12].log_softmax(-1)
    divergence = float((before.exp() * (before - shares.log())).sum() / np.log(2))
    assert f"The KL divergence is {number(divergence)} bits" in words(figure)
    assert "Removed: head 4 of block 3; the MLP of block 1 at position 4." in words(figure)
    assert title(figure).startswith("What if · position 12, ‘")
    assert figure.layout.showlegend


def test_a_part_can_be_removed_at_the_position_alone(plain: PlainGpt2):
    figure = visualize.plot_ablation(KING, "block.0.attention.head.5", position=12, everywhere=False)
    changes = plain.by_mean("0.attn.c_proj", plain.head(5), slice(12, 13))
    shares = plain.logits(KING, changes)[12].softmax(-1)
    assert max(after(figure).values()) == pytest.approx(float(shares.max()), rel=1e-4)


@pytest.mark.parametrize("everywhere", [True, False])
def test_the_grid_is_the_effect_of_each_removal(plain: PlainGpt2, everywhere: bool):
    rose, king = plain.tokenizer(" rose king")["input_ids"]
    figure = visualize.plot_ablation(KING, everywhere=everywhere, position=15, target=" rose", against=king)
    (grid,) = figure.data
    rows = slice(None) if everywhere else slice(15, 16)

    def difference(changes: dict[str, Change]) -> float:
        logits = plain.logits(KING, changes)[15]
        return float(logits[rose] - logits[king])

    base = difference({})
    for block, head in ((0, 5), (3, 4), (5, 7)):
        expected = difference(plain.by_mean(f"{block}.attn.c_proj", plain.head(head), rows)) - base
        assert_allclose(grid.z[block][head], expected, atol=1e-4)
    for block in (0, 5):
        expected = difference(plain.by_mean(f"{block}.mlp", rows=rows)) - base
        assert_allclose(grid.z[block][-1], expected, atol=1e-4)
    assert "‘·rose’ minus that of ‘·king’" in words(figure)
    assert title(figure).startswith("What if · position 15, ‘")


@pytest.mark.parametrize("other", [QUEEN, QUEEN.replace("garden", "great garden")])
@pytest.mark.parametrize("carried", ["attention", "mlp", "heads"])
def test_the_grid_of_patches_is_on_the_scale_from_the_one_sentence_to_the_other(
    plain: PlainGpt2, carried: Any, other: str
):
    target, against = " queen", " king"
    tokens = plain.tokenizer(target)["input_ids"] + plain.tokenizer(against)["input_ids"]
    figure = visualize.plot_patching(KING, other, carried=carried, target=target, against=against)
    aligned = align(*(plain.ids(sentence)[0].numpy() for sentence in (KING, other)))

    def difference(sentence: str, changes: dict[str, Change]) -> float:
        logits = plain.logits(sentence, changes)[-1, tokens]
        return float(logits[0] - logits[1])

    clean, corrupted = difference(KING, {}), difference(other, {})
    last = len(aligned) - 1
    for block, column in ((0, 5), (3, 4), (2, 0)) if carried == "heads" else ((0, last), (3, last), (2, 0)):
        name = {"attention": f"{block}.attn", "mlp": f"{block}.mlp", "heads": f"{block}.attn.c_proj"}[carried]
        if carried == "attention":
            name = f"{block}.attn.resid_dropout"  # the module's own output is a pair
        value = plain.read(KING, name)
        here = [p for p in range(last + 1) if aligned[p] >= 0] if carried == "heads" else [column]
        columns = plain.head(column) if carried == "heads" else slice(None)

        def patched(values: torch.Tensor, value: Any = value, here: Any = here, columns: Any = columns) -> torch.Tensor:
            changed = values.clone()
            for p in here:
                changed[:, aligned[p], columns] = value[:, p, columns]
            return changed

        expected = (difference(other, {name: patched}) - corrupted) / (clean - corrupted)
        assert_allclose(figure.data[0].z[block][column], expected, atol=1e-3)
    assert title(figure).startswith("What if · patching, logit of ‘·queen’ · “When the king")
    assert ("Without a counterpart in B" in words(figure)) == (len(other) != len(QUEEN))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: visualize.plot_ablation(FOX, "block.3.head.5"), SelectionError, "what to remove. One looks like"),
        (lambda: visualize.plot_ablation(FOX, "block.3.mlp,"), SelectionError, "does not say what to remove"),
        (lambda: visualize.plot_ablation(FOX, ["block.3.mlp"]), SelectionError, "does not say what to remove"),
        (lambda: visualize.plot_ablation(FOX, "block.6.mlp"), SelectionError, "no block 6 to remove.*0–5"),
        (lambda: visualize.plot_ablation(FOX, "block.0.mlp@40"), SelectionError, "no position 40 to remove"),
        (lambda: visualize.plot_ablation(FOX, "block.0.mlp, block.0.mlp"), SelectionError, "removed twice"),
        (lambda: visualize.plot_ablation(FOX, replacement="half"), SelectionError, "no ‘half’ for the replacement"),
        (
            lambda: visualize.plot_ablation(FOX, "block.0.mlp", replacement="half"),
            SelectionError,
            "no ‘half’ for the replacement",
        ),
        (lambda: visualize.plot_ablation(FOX, replacement="other"), SelectionError, "Choose zero or a mean"),
        (lambda: visualize.plot_ablation(FOX, "block.0.mlp=other"), SelectionError, "no other text"),
        (lambda: visualize.plot_ablation(FOX, position=99), SelectionError, "no position 99"),
        (lambda: visualize.plot_ablation(FOX, target=4096), SelectionError, "no token id 4096"),
        (lambda: visualize.plot_ablation("", "block.0.mlp"), TextError, "The text is empty"),
        (lambda: visualize.plot_patching(FOX, None), TextError, "must be a text.*NoneType"),
        (lambda: visualize.plot_patching(FOX, ""), TextError, "The text is empty"),
        (lambda: visualize.plot_patching(KING, FOX), SelectionError, "end with different tokens"),
        (lambda: visualize.plot_patching(FOX, FOX, carried="neurons"), SelectionError, "‘neurons’ for what is carried"),
        (lambda: visualize.plot_patching(FOX, FOX, against=4096), SelectionError, "no token id 4096"),
    ],
)  # fmt: skip
def test_invalid_requests_raise_a_clear_error(call: Any, error: type[AnalysisError], message: str):
    with pytest.raises(error, match=message):
        call()
