"""What stands out in a text, against a computation of its own on every family and on the bundled model."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch

from analysis.attribution import compute_attribution
from analysis.causes.findings import (
    Copy,
    Decision,
    Finding,
    Repetition,
    compute_findings,
)
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.selection import Selection
from analysis.trace import Prompt, Trace
from layouts.examples import EXAMPLES
from layouts.figures.attribution_parts import all_parts

TWICE = EXAMPLES["The same words twice"].text
BEAR = "She opened the door and saw a bear. The bear looked at her and she looked at the"
BOY = '"I am hungry," said the boy. "So am I," said the girl. "Let us eat," said the'


def shares(model: LanguageModel, trace: Trace, target: int, against: int | None) -> dict[str, float]:
    """The shares of all parts by the selection that a click on each makes, an MLP with its bias."""
    selection = Selection.parse(f"output~{target}")
    result = compute_attribution(model, trace, selection, trace.n_positions - 1, against=against)
    found: dict[str, float] = {}
    for part in all_parts(result):
        found[part.select] = found.get(part.select, 0) + part.share
    return found


def by_hand(model: LanguageModel, trace: Trace) -> list[tuple[str, float]]:
    """What rules 1 to 3 find: the part's selection and its share, with loops over all heads."""
    last, ids = trace.n_positions - 1, trace.token_ids.tolist()
    target, runner_up = np.argsort(-model.logits(trace, last), kind="stable")[:2].tolist()
    own, lead = shares(model, trace, target, None), shares(model, trace, target, runner_up)
    copies: list[tuple[float, str]] = []
    for block in range(trace.info.n_blocks):
        for head in range(trace.info.n_heads):
            row, select = trace.attention(block)[head, last], f"block.{block}.attention.head.{head}"
            keys = [key for key in range(last) if ids[key] == target]
            same_sign = own[select] * lead[select] > 0
            if int(row.argmax()) in keys and sum(row[keys]) >= 0.3 and abs(own[select]) >= 0.5 and same_sign:
                copies.append((own[select], select))
    ranked = sorted(lead.items(), key=lambda part: -abs(part[1]))
    (select, share), (_, second) = ranked[:2]
    is_part = ".head." in select or select.endswith(".mlp")
    found = [(select, share) for share, select in [max(copies)] if share > 0] if copies else []
    found += [(select, share)] if is_part and abs(share) >= 1 and abs(share) >= 2 * abs(second) else []
    found += [(select, share) for share, select in [min(copies)] if share < 0] if copies else []
    return list({select: (select, share) for select, share in reversed(found)}.values())[::-1]


def said(finding: Finding) -> str:
    head = "mlp" if finding.head is None else f"attention.head.{finding.head}"
    return f"block.{finding.block}.{head}"


def test_every_family(tiny_model: LanguageModel) -> None:
    for text in ("the fox the fox the", "a fox a fox a fox a"):
        trace = compute_trace(tiny_model, Prompt("tiny", text))
        findings = compute_findings(tiny_model, trace)
        about_logits = [(said(one), one.share) for one in findings if not isinstance(one, Repetition)]
        expected = by_hand(tiny_model, trace)
        assert [select for select, _ in about_logits] == [select for select, _ in expected]
        assert [share for _, share in about_logits] == pytest.approx([share for _, share in expected], rel=1e-6)
        assert len({said(one) for one in findings}) == len(findings) <= 3


@pytest.mark.parametrize("text", [BEAR, BOY, TWICE, "1, 2, 3, 4, 5,"])
def test_the_bundled_model(bundled_model: LanguageModel, text: str) -> None:
    trace = compute_trace(bundled_model, Prompt("bundled", text))
    expected = by_hand(bundled_model, trace)
    assert expected
    findings = compute_findings(bundled_model, trace)
    about_logits = [(said(one), one.share) for one in findings if not isinstance(one, Repetition)]
    assert [select for select, _ in about_logits] == [select for select, _ in expected]
    assert [share for _, share in about_logits] == pytest.approx([share for _, share in expected], rel=1e-6)


def test_a_copied_token_in_numbers(bundled_model: LanguageModel) -> None:
    trace = compute_trace(bundled_model, Prompt("bundled", BEAR))
    copied, *_ = compute_findings(bundled_model, trace)
    assert isinstance(copied, Copy)
    assert (copied.target.label, copied.position, copied.n_earlier) == ("·bear", trace.n_positions - 1, 2)
    row = trace.attention(copied.block)[copied.head, -1]
    bears = [n for n, token in enumerate(trace.tokens) if token.label == "·bear"]
    assert copied.attention == pytest.approx(float(row[bears].sum()), abs=1e-6)
    assert copied.attention > 0.5
    assert not copied.capped


def test_the_same_words_twice(bundled_model: LanguageModel) -> None:
    """The opening example of repetition has a head that decides, and an induction head."""
    trace = compute_trace(bundled_model, Prompt("bundled", TWICE))
    decision, repetition = compute_findings(bundled_model, trace)
    assert isinstance(decision, Decision)
    logits = bundled_model.logits(trace, trace.n_positions - 1)
    assert decision.lead == pytest.approx(float(logits[decision.target.id] - logits[decision.runner_up.id]), abs=1e-5)
    assert decision.lead == pytest.approx(float(np.subtract(*np.sort(logits)[:-3:-1])), abs=1e-5)
    assert isinstance(repetition, Repetition)
    assert repetition.pattern == "induction"
    ids, attention = trace.token_ids.tolist(), trace.attention(repetition.block)[repetition.head]
    followed = {q: sum(attention[q, k + 1] for k in range(q - 1) if ids[k] == ids[q]) for q in range(len(ids))}
    repeated = [q for q in followed if ids[q] in ids[: max(q - 1, 0)]]
    assert repetition.score == pytest.approx(np.mean([followed[q] for q in repeated]), abs=1e-6)
    best = max(followed, key=lambda query: followed[query])
    assert (repetition.query.position, repetition.attention) == (best, pytest.approx(followed[best], abs=1e-6))


@pytest.mark.parametrize("text", ["The Eiffel Tower is in the city of", next(iter(EXAMPLES.values())).text, "A fox"])
def test_nothing_stands_out(bundled_model: LanguageModel, text: str) -> None:
    assert compute_findings(bundled_model, compute_trace(bundled_model, Prompt("bundled", text))) == ()


@pytest.mark.parametrize("name", ["transformer.h.1.mlp.c_proj", "lm_head"])
def test_numbers_that_are_not_finite_say_nothing(bundled_model: LanguageModel, name: str) -> None:
    network = deepcopy(bundled_model.network)
    for module in network.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    with torch.no_grad():
        network.get_submodule(name).weight.view(-1)[7] = float("nan")  # type: ignore[operator, union-attr]
    broken = prepare_model("broken", network, bundled_model.tokenizer)
    assert compute_findings(broken, compute_trace(broken, Prompt("broken", BEAR))) == ()


def kept(model: LanguageModel, trace: Trace) -> dict[str, Any]:
    """The arrays that are cached of a text."""
    found: dict[str, Any] = {}

    def derived(name: str, compute: Any, *, version: int) -> Any:
        return found.setdefault(name, compute())

    compute_findings(model, trace, derived=derived)
    arrays: dict[str, Any] = found["findings"]
    return arrays


def test_all_parts_sum_to_the_lead(tiny_model: LanguageModel) -> None:
    arrays = kept(tiny_model, compute_trace(tiny_model, Prompt("tiny", "a fox a fox")))
    parts = [arrays[name].ravel() for name in ("heads", "mlps", "others")]
    most = max(abs(part).max() for part in parts)
    assert sum(part.sum() for part in parts) == pytest.approx(float(arrays["lead"]), abs=1e-3 * most)


@pytest.mark.parametrize("text", ["the the the the", "a a a a a a a a a", BEAR])
def test_attention_to_earlier_occurrences(bundled_model: LanguageModel, text: str) -> None:
    """The predicted token occurs earlier; if it is the last token itself, attention to that position does not count."""
    trace = compute_trace(bundled_model, Prompt("bundled", text))
    arrays, last = kept(bundled_model, trace), trace.n_positions - 1
    target = int(bundled_model.logits(trace, last).argmax())
    assert (target == trace.tokens[last].id) == (text != BEAR)
    for (block, head), attention in np.ndenumerate(arrays["attention"]):
        row = trace.attention(block)[head, last].tolist()
        earlier = [share for token, share in zip(trace.tokens[:last], row, strict=False) if token.id == target]
        assert attention == pytest.approx(sum(earlier) if max(row) in earlier else 0, abs=1e-6)
    assert 0 < (arrays["attention"] > 0).sum() < arrays["attention"].size


def test_at_most_three_and_no_head_twice(bundled_model: LanguageModel) -> None:
    """With evidence made by hand: a head that copies and decides; one that holds back; two patterns in the text."""
    trace = compute_trace(bundled_model, Prompt("bundled", TWICE))
    shape = trace.info.n_blocks, trace.info.n_heads
    made = {name: np.zeros(shape) for name in ("attention", "own", "heads")}
    made |= {"mlps": np.zeros(shape[0]), "others": np.zeros(2), "lead": np.array(0.5)}
    for name in made.keys() & {"attention", "own", "heads"}:
        made[name][1, 2] = 0.5
    made["own"][1, 2] = made["heads"][1, 2] = 5
    made["attention"][3, 4], made["own"][3, 4], made["heads"][3, 4] = 0.9, -2, -2

    def derived(name: str, compute: Any, *, version: int) -> Any:
        return made if name == "findings" else compute()

    found = compute_findings(bundled_model, trace, derived=derived)
    assert [(one.kind, one.block, one.head) for one in found[:2]] == [("copy", 1, 2), ("copy", 3, 4)]
    assert [one.kind for one in found[2:]] == ["repetition"]
    made["mlps"][5] = 40
    found = compute_findings(bundled_model, trace, derived=derived)
    assert [one.kind for one in found] == ["copy", "decision", "copy"]
    made["mlps"][5] = np.inf
    assert compute_findings(bundled_model, trace, derived=derived) == ()
