"""Head scores against loops over transformers' own attentions."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from transformers import AutoModelForCausalLM

from analysis.causes.head_scores import (
    SCORES,
    attention_patterns,
    attention_scores,
    compute_head_scores,
    probe_trace,
)
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt, Trace
from tests.tiny import BUNDLED, make_tiny

REPEATED = "The fox met a crow. The fox met a crow. The crow crow had a cheese"


def directly(attention: Any, ids: list[int]) -> dict[str, float]:
    """The scores of one head, in loops over cells."""
    found: dict[str, list[float]] = {name: [] for name in SCORES}
    for query in range(1, len(ids)):
        row = attention[query]
        duplicates = [key for key in range(query) if ids[key] == ids[query]]
        followers = [key + 1 for key in duplicates if key + 1 < query]
        found["previous"].append(row[query - 1])
        found["first"].append(row[0])
        found["self"].append(row[query])
        found["entropy"].append(-sum(share * np.log2(share) for share in row[: query + 1] if share > 0))
        if duplicates:
            found["duplicate"].append(sum(row[key] for key in duplicates))
        if followers:
            found["induction"].append(sum(row[key] for key in followers))
    return {name: float(np.mean(values)) if values else np.nan for name, values in found.items()}


def plain_attentions(network: Any, trace: Trace) -> Any:
    """(n_blocks, n_heads, query, key), in float64."""
    with torch.inference_mode():
        given = network(input_ids=torch.tensor(trace.token_ids[None]), output_attentions=True).attentions
    return torch.cat(given).double().numpy()


def check(network: Any, trace: Trace) -> None:
    attentions, scores = plain_attentions(network, trace), compute_head_scores(trace)
    for block, heads in enumerate(attentions):
        for head, attention in enumerate(heads):
            expected = directly(attention, trace.token_ids.tolist())
            for name in SCORES:
                assert_allclose(scores[name][block, head], expected[name], atol=1e-6, rtol=0, err_msg=name)


@pytest.mark.long
def test_those_of_all_heads_of_the_bundled_model(bundled_model: LanguageModel) -> None:
    plain = AutoModelForCausalLM.from_pretrained(BUNDLED, attn_implementation="eager", dtype=torch.float32)
    for trace in (probe_trace(bundled_model), compute_trace(bundled_model, Prompt("bundled", REPEATED))):
        check(plain, trace)


def test_every_family(tiny_model: LanguageModel) -> None:
    check(tiny_model.network, probe_trace(tiny_model))


def test_known_heads_of_the_bundled_model(bundled_model: LanguageModel) -> None:
    """Its model card names the best induction head and the best previous-token head."""
    scores = compute_head_scores(probe_trace(bundled_model))
    assert scores["induction"].max() > 0.8
    assert scores["previous"].max() > 0.8


def test_by_hand() -> None:
    """The text is a b a b: the third token's induction key is 1, the fourth's is 2."""
    attention = np.float32([[1, 0, 0, 0], [0.25, 0.75, 0, 0], [0.5, 0.25, 0.25, 0], [0, 0.125, 0.5, 0.375]])
    scores = attention_scores(attention, attention_patterns(np.array([7, 8, 7, 8])))
    assert list(scores) == list(SCORES)
    assert scores["previous"] == pytest.approx((0.25 + 0.25 + 0.5) / 3)
    assert scores["duplicate"] == pytest.approx((0.5 + 0.125) / 2)
    assert scores["induction"] == pytest.approx((0.25 + 0.5) / 2)
    assert scores["first"] == pytest.approx((0.25 + 0.5 + 0) / 3)
    assert scores["self"] == pytest.approx((0.75 + 0.25 + 0.375) / 3)


def test_what_the_text_does_not_have_is_not_a_number() -> None:
    one = attention_scores(np.ones((1, 1), np.float32), attention_patterns(np.array([3])))
    assert np.isnan(list(one.values())).all()
    different = attention_scores(np.eye(3, dtype=np.float32), attention_patterns(np.array([3, 4, 5])))
    assert np.isnan([different["duplicate"], different["induction"]]).all()
    assert (different["self"], different["previous"]) == (1, 0)
    twice = attention_scores(np.eye(2, dtype=np.float32), attention_patterns(np.array([3, 3])))
    assert np.isnan(twice["induction"]), "the position after the first one is the query itself"


def test_the_probe_is_different_tokens_repeated_after_the_start_token(bundled_model: LanguageModel) -> None:
    ids = probe_trace(bundled_model).token_ids
    assert len(ids) == 101
    assert ids[0] == bundled_model.start_id
    assert_array_equal(ids[1:51], ids[51:])
    assert len(set(ids.tolist())) == 51
    assert_array_equal(probe_trace(bundled_model).token_ids, ids)


def test_the_probe_fits_the_model() -> None:
    model = make_tiny("gpt2", max_position_embeddings=9)
    trace = probe_trace(model)
    assert trace.n_positions == 9
    assert np.isfinite(compute_head_scores(trace)["induction"]).all()


def test_scores_are_kept(tiny_gpt2: LanguageModel) -> None:
    kept: dict[Any, Any] = {}

    def derived(name: str, compute: Any, *, version: int) -> Any:
        return kept.setdefault((name, version), compute())

    first = compute_head_scores(probe_trace(tiny_gpt2), derived=derived)
    unread = Trace(Prompt("x", ""), probe_trace(tiny_gpt2).tokens, tiny_gpt2.info, dict[str, Any]().__getitem__)
    with pytest.raises(KeyError):
        compute_head_scores(unread)
    kept_only = compute_head_scores(unread, derived=lambda name, compute, version: kept[name, version])
    assert_array_equal(kept_only["entropy"], first["entropy"])
