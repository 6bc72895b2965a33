"""Effects against logits of a plain network with hooks of the tests' own."""

from typing import Any

import numpy as np
import pytest
import torch

from analysis.causes.intervention import Intervention, read_interventions
from analysis.causes.run import OtherText
from analysis.effect import EffectResult, compute_effect
from analysis.errors import SelectionError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.task import derive_now
from analysis.trace import Prompt, Trace
from tests.analysis.causes.bare import Bare

PROMPT = Prompt("any", "The fox met a crow")
POSITION, TARGET, AGAINST = 3, 40, 41


@pytest.fixture
def trace(tiny_gpt2: LanguageModel) -> Trace:
    return compute_trace(tiny_gpt2, PROMPT)


def without(model: LanguageModel, trace: Trace, text: str, **choices: Any) -> EffectResult:
    return compute_effect(model, trace, POSITION, interventions=read_interventions(text), **choices)


def test_before_and_after_are_those_of_a_plain_network(tiny_gpt2: LanguageModel, trace: Trace):
    result = without(tiny_gpt2, trace, "block.1.mlp=zero", target=TARGET, against=AGAINST)
    bare = Bare(tiny_gpt2)
    before = bare.logits(trace.token_ids)[POSITION]
    with bare.changing("mlp", 1, lambda values: values.zero_()):
        after = bare.logits(trace.token_ids)[POSITION]
    for outcome, logits in ((result.before, before), (result.after, after)):
        shares = logits.softmax(-1)
        assert outcome.logit == pytest.approx(float(logits[TARGET] - logits[AGAINST]), abs=1e-4)
        assert outcome.probability == pytest.approx(float(shares[TARGET]), rel=1e-4)
        values, ids = shares.topk(5)
        assert [piece.id for piece, _ in outcome.top if piece.id in ids] == ids.tolist()
        assert [share for _, share in outcome.top][:5] == pytest.approx(values.tolist(), rel=1e-4)
        assert all(share == pytest.approx(float(shares[piece.id]), rel=1e-4) for piece, share in outcome.top)
    assert {piece.id for piece, _ in result.before.top} == {piece.id for piece, _ in result.after.top}
    assert result.effect == pytest.approx(result.after.logit - result.before.logit)
    divergence = torch.nn.functional.kl_div(after.log_softmax(-1), before.log_softmax(-1), log_target=True,
                                            reduction="sum")  # fmt: skip
    assert result.divergence == pytest.approx(float(divergence) / np.log(2), rel=1e-3)
    assert result.divergence > 1e-3


def test_the_most_probable_token_of_the_text_as_it_is_is_followed(tiny_gpt2: LanguageModel, trace: Trace):
    result = without(tiny_gpt2, trace, "block.0.mlp=zero")
    assert result.target == result.before.top[0][0]
    assert result.before.probability == result.before.top[0][1]
    assert result.against is None


def test_removing_nothing_changes_nothing(tiny_model: LanguageModel):
    """On every family, exactly; and so does a patch from the same text."""
    trace = compute_trace(tiny_model, PROMPT)
    same = OtherText(trace.token_ids, np.arange(trace.n_positions))
    for interventions in (
        (),
        (Intervention(0, "attention", None, 2, "other"), Intervention(2, "mlp", None, 3, "other")),
    ):
        result = compute_effect(tiny_model, trace, POSITION, interventions=interventions, other=same)
        assert result.divergence == 0
        assert result.effect == 0
        assert result.before == result.after


def test_another_position_needs_no_pass(tiny_gpt2: LanguageModel, trace: Trace):
    kept: dict[Any, Any] = {}

    def derived(name: str, compute: Any, *, version: int) -> Any:
        if (name, version) not in kept:
            kept[name, version] = derive_now(name, compute, version=version)
        return kept[name, version]

    texts = ("block.1.mlp=zero", "block.1.mlp=mean", "block.1.mlp@2=zero")
    for text in texts:
        for position in (1, 3):
            interventions = read_interventions(text)
            found = compute_effect(tiny_gpt2, trace, position, interventions=interventions, derived=derived)
            alone = compute_effect(tiny_gpt2, trace, position, interventions=interventions)
            assert found.after == alone.after
    assert len(kept) == len(texts)


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("block.3.mlp=zero", {}),
        ("block.0.mlp@5=zero", {}),
        ("block.0.mlp=other", {}),
        ("block.0.mlp=zero", {"target": 300}),
        ("block.0.mlp=zero", {"against": 300}),
    ],
)
def test_what_does_not_exist_is_refused(tiny_gpt2: LanguageModel, trace: Trace, text: str, choices: Any):
    with pytest.raises(SelectionError):
        without(tiny_gpt2, trace, text, **choices)
