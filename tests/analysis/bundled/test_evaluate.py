"""Evaluation of the bundled model: hand-made attention with known scores, then the model and its card."""

import math
import re

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

from analysis.bundled import BUNDLED_DIR
from analysis.bundled import evaluate as module
from analysis.bundled.evaluate import Evaluation, HeadScore

pytestmark = pytest.mark.long

FIGURE = re.compile(r"^\| (?P<name>[^|]+) \| (?P<value>[\d.,]+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """The bundled model, measured."""
    return module.evaluate()


def _attention_to(keys: list[int]) -> np.ndarray:
    """The attention (1 draw, 1 head) of a head whose query i looks at keys[i] only."""
    attention = np.zeros((1, 1, len(keys), len(keys)), dtype=np.float32)
    attention[0, 0, range(len(keys)), keys] = 1.0
    return attention


def test_a_previous_token_head_scores_one() -> None:
    assert module.previous_token_scores(_attention_to([0, 0, 1, 2, 3, 4])).tolist() == [1.0]
    assert module.previous_token_scores(_attention_to([0, 1, 2, 3, 4, 5])).tolist() == [0.0]
    assert module.previous_token_scores(_attention_to([0, 0, 1, 0, 0, 0])).tolist() == pytest.approx([2 / 5])


def test_an_induction_head_scores_one() -> None:
    # a b c a b c: the second a looks at the first b, the second b at the first c, the second c at the second a.
    assert module.induction_scores(_attention_to([0, 0, 0, 1, 2, 3]), 3).tolist() == [1.0]
    assert module.induction_scores(_attention_to([0, 0, 1, 0, 1, 2]), 3).tolist() == [0.0]
    assert module.induction_scores(_attention_to([0, 0, 0, 1, 0, 0]), 3).tolist() == pytest.approx([1 / 3])


def test_scores_are_means_over_draws_and_kept_apart_by_head() -> None:
    follow, stay = _attention_to([0, 0, 1, 2]), _attention_to([0, 1, 2, 3])
    two_heads = np.concatenate([follow, stay], axis=1)
    assert module.previous_token_scores(two_heads).tolist() == [1.0, 0.0]
    assert module.previous_token_scores(np.concatenate([follow, stay], axis=0)).tolist() == [0.5]


def test_the_best_head_is_named_by_block_and_head() -> None:
    scores = [np.array([0.1, 0.2], dtype=np.float32), np.array([0.5, 0.3], dtype=np.float32)]
    assert module.best_head(scores) == HeadScore(block=1, head=0, score=0.5)


def test_copying_counts_only_what_the_first_copy_tells() -> None:
    draws = np.array([[7, 8, 9, 7, 8, 9]])
    choices = np.array([[0, 0, 0, 8, 5, 0]])  # right after the second 7, wrong after the second 8
    assert module.copying_accuracy(choices, draws, 3) == 0.5


def test_repeated_draws_are_tokens_of_the_text_repeated_once() -> None:
    ids = np.arange(100, 200)
    draws = module.repeated_draws(ids)
    assert draws.shape == (module.N_DRAWS, 2 * module.N_DRAWN)
    assert (draws[:, : module.N_DRAWN] == draws[:, module.N_DRAWN :]).all()
    assert np.isin(draws, ids).all()
    assert len(np.unique(draws[:, 0])) > 5


def test_the_longest_shared_words_ignore_case_and_punctuation() -> None:
    books = ["The fox ran off.", 'He said: "Once upon -- a time!" and ran.']
    assert module.longest_shared_words("Well, once upon a TIME the fox ran", books) == "once upon a time"
    assert module.longest_shared_words("zebra", books) == ""


def test_the_loss_is_that_of_every_token_predicted_once(evaluation: Evaluation) -> None:
    """Redone token by token from the definition, with a model loaded by other means."""
    text = (BUNDLED_DIR / "heldout.txt").read_text(encoding="utf-8")
    network = GPT2LMHeadModel.from_pretrained(BUNDLED_DIR, dtype=torch.float32)
    model = module.load_model(BUNDLED_DIR)
    ids = [0, *model.tokenize(text)]
    nats = []
    for start in range(0, len(ids) - 1, 255):
        window = torch.tensor([ids[start : start + 256]])
        with torch.no_grad():
            logged = network(window).logits[0].log_softmax(-1)
        nats += [-logged[place, token].item() for place, token in enumerate(window[0, 1:].tolist())]
    assert len(nats) == evaluation.n_tokens == len(ids) - 1
    assert evaluation.loss == pytest.approx(np.mean(nats), abs=1e-4)
    assert evaluation.bits_per_character == pytest.approx(sum(nats) / math.log(2) / len(text), abs=1e-4)


def test_the_bundled_model_is_good_enough(evaluation: Evaluation) -> None:
    assert evaluation.loss <= 3.3
    assert evaluation.induction.score >= 0.7
    assert evaluation.previous_token.score >= 0.7
    assert evaluation.copying >= 0.8
    assert evaluation.greedy.startswith(module.OPENING)


def test_the_bundled_files_are_what_the_card_says(evaluation: Evaluation) -> None:
    assert evaluation.weights_bytes < 16e6
    assert evaluation.n_words >= 2000
    assert evaluation.n_parameters == 4096 * 256 + 256 * 256 + 6 * (12 * 256**2 + 13 * 256) + 2 * 256


def test_the_card_states_the_figures_that_evaluate_computes(evaluation: Evaluation) -> None:
    card = (BUNDLED_DIR / "MODEL_CARD.md").read_text(encoding="utf-8")
    stated = {row["name"]: row["value"] for row in FIGURE.finditer(card)}
    computed = {row["name"]: row["value"] for row in FIGURE.finditer(evaluation.table())}
    assert len(computed) == 9
    for name, value in computed.items():
        # Processors round differently: the last digit stated may differ by one.
        assert float(stated[name].replace(",", "")) == pytest.approx(float(value.replace(",", "")), abs=0.0101), name


def test_the_card_lists_63_books_without_paths() -> None:
    card = (BUNDLED_DIR / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^- \*.+\* -- .+$", card, re.MULTILINE)) == 63
    assert "shared/" not in card
