"""Integrated gradients of a trained Llama (SmolLM2-135M-Instruct), whose paths have cliffs: how far they converge.

The sentences were fixed before any of them was tried. `TRAINED_MODEL` names the model's folder, in float32.
"""

import os
from pathlib import Path

import pytest

from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model
from analysis.saliency import compute_saliency
from analysis.trace import Prompt

pytestmark = pytest.mark.slow

SENTENCES = (
    "After John and Mary went to the store, John gave a bottle of milk to",
    "The Eiffel Tower is in the city of",
    "The capital of Japan is",
    "Water boils at a temperature of one hundred degrees",
    "She opened the door and saw that the room was",
    "If it rains tomorrow, we will stay at",
    "The opposite of hot is",
    "def add(a, b):\n    return a +",
    "My favourite colour is blue, and the sky is also",
    "In the year 1969, the first human being walked on the",
    "Once upon a time there was a little girl who lived in a",
    "Monday, Tuesday, Wednesday, Thursday,",
)
MOST_DOUBTFUL = 2


@pytest.fixture(scope="module")
def trained() -> LanguageModel:
    folder = os.environ.get("TRAINED_MODEL", "")
    if not folder:
        pytest.skip("TRAINED_MODEL does not name a folder with SmolLM2-135M-Instruct")
    return load_model(Path(folder), name="trained")


@pytest.mark.timeout(3600)
def test_sentences_converge(trained: LanguageModel) -> None:
    """From the default baseline within the default budget: δ within 1 %, and a certificate of 5 % for most."""
    deltas, n_doubtful = [], 0
    for sentence in SENTENCES:
        trace = compute_trace(trained, Prompt("trained", sentence))
        result = compute_saliency(trained, trace, trace.n_positions - 1)
        deltas.append(abs(result.delta / (result.value - result.base)))
        n_doubtful += result.doubtful
        print(f"{result.gradients} gradients, δ {deltas[-1]:.3%}, certificate {result.error:.2%}: {sentence!r}")
    assert max(deltas) <= 0.01
    assert n_doubtful <= MOST_DOUBTFUL
