"""The distribution that a token was drawn from, computed again from the network's own logits."""

from typing import Any

import numpy as np
import pytest
import torch

from analysis.errors import SelectionError
from analysis.generation.alternatives import MOST_SHOWN, compute_alternatives
from analysis.generation.sampling import Sampling
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt

WRITTEN = (20, 7, 7, 290)


@pytest.fixture(scope="module")
def logits(tiny_gpt2: LanguageModel) -> Any:
    """Of the network itself, at each position, (n_positions, n_vocab) in float64."""
    ids = [*tiny_gpt2.tokenize("The fox met a crow"), *WRITTEN]
    network: Any = tiny_gpt2.network
    with torch.inference_mode():
        return network(torch.tensor([ids])).logits[0].double()


@pytest.mark.parametrize("back", [1, 2, 4, 6])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.7, 5), Sampling(2.0, 0, 0.6)], ids=str)
def test_probabilities_and_ranks(tiny_gpt2: LanguageModel, logits: Any, back: int, sampling: Sampling) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox met a crow", written=WRITTEN))
    position = trace.n_positions - back
    result = compute_alternatives(tiny_gpt2, trace, position, sampling=sampling)
    row = logits[position - 1]
    before = row.softmax(0)
    order = row.argsort(descending=True).tolist()
    assert [one.piece.id for one in result.top[:MOST_SHOWN]] == order[:MOST_SHOWN]
    assert result.token.id == result.own.piece.id == trace.token_ids[position]
    assert [one.piece.id for one in result.top[MOST_SHOWN:]] == [
        token for token in [result.token.id] if token not in order[:MOST_SHOWN]
    ]
    scaled = (row / (sampling.temperature or 1)).softmax(0)
    n_kept = 1 if sampling.greedy else sampling.top_k
    if sampling.top_p < 1:
        n_kept = 1 + int((scaled.sort(descending=True).values.cumsum(0) < sampling.top_p).sum())
    assert result.n_kept == n_kept
    kept = scaled[order[:n_kept]].sum()
    for one in {*result.top, result.own}:
        assert one.before == pytest.approx(float(before[one.piece.id]), abs=1e-6)
        assert one.rank == 1 + order.index(one.piece.id)
        after = float(scaled[one.piece.id] / kept) if one.rank <= n_kept else 0.0
        assert one.after == pytest.approx(1.0 if sampling.greedy and one.rank == 1 else after, abs=1e-6)
    assert result.n_vocab == 300


def test_what_has_no_distribution_is_refused(tiny_gpt2: LanguageModel) -> None:
    trace = compute_trace(tiny_gpt2, Prompt("tiny", "The fox"))
    with pytest.raises(SelectionError, match="The first token follows nothing"):
        compute_alternatives(tiny_gpt2, trace, 0)
    bad = {"logits": np.full((trace.n_positions, 300), np.nan, np.float32)}
    broken = type(trace)(trace.prompt, trace.tokens, trace.info, lambda name: bad.get(name, trace.array(name)))
    with pytest.raises(SelectionError, match="before position 1 are not finite"):
        compute_alternatives(tiny_gpt2, broken, 1)
    with pytest.raises(SelectionError, match="no top-p"):
        compute_alternatives(tiny_gpt2, trace, 1, sampling=Sampling(1.0, 0, 2.0))
