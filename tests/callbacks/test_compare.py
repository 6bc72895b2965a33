"""The second question, B: its store, its alignment with A, and why it cannot be shown."""

from typing import Any

import pytest

from analysis.errors import AnalysisError
from callbacks.compare import draw_comparison
from callbacks.strip import draw_strip_difference
from dashboard.services import Services
from layouts import ids
from tests.tiny import make_services, make_tiny


def asked(text: str, *, of: str = "the fox met", model: str = "tiny") -> dict[str, Any]:
    return {"model": model, "text": text, "of": {"model": "tiny", "text": of}}


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    said: list[Any] = []
    monkeypatch.setattr("callbacks.compare.set_props", lambda id, props: said.append((id, props["children"])))
    return said


def test_b_is_aligned_with_a(services: Services):
    drawn = draw_comparison(services, asked("the fox and the crow met"))
    other, alignment = drawn["other"], drawn["alignment"]
    a, b = services.trace(services.prompt(asked("")["of"])), services.trace(services.prompt(other))
    assert (other["text"], other["n_positions"]) == ("the fox and the crow met", b.n_positions)
    assert (other["n_blocks"], other["n_heads"]) == (b.info.n_blocks, b.info.n_heads)
    assert alignment["labels"] == {"a": [t.label for t in a.tokens], "b": [t.label for t in b.tokens]}
    there, here = alignment["counterparts"]["a"], alignment["counterparts"]["b"]
    assert [here[one] for one in there if one >= 0] == [n for n, one in enumerate(there) if one >= 0]
    for n in alignment["changed"]["a"]:
        assert a.tokens[n].id != b.tokens[there[n]].id
    assert f"B has {b.n_positions} tokens" in drawn["words"]
    assert f"{here.count(-1)} only in B" in drawn["words"]


def test_the_same_text_is_called_the_same(services: Services):
    drawn = draw_comparison(services, asked("the fox met"))
    assert drawn["words"].startswith("The same ")
    assert drawn["alignment"]["changed"] == {"a": [], "b": []}


def test_without_b_the_stores_are_empty(services: Services):
    assert draw_comparison(services, None) == {"other": None, "alignment": None, "words": ""}


def test_a_text_that_cannot_be_shown_is_refused_with_the_reason(services: Services, notices: list[Any]):
    drawn = draw_comparison(services, asked("the fox " * 100))
    assert (drawn["other"], drawn["alignment"]) == (None, None)
    assert notices == [(ids.NOTICE, f"B cannot be shown. {drawn['words']}")]
    assert "this server reads at most 64" in drawn["words"]


def test_a_model_that_is_not_on_the_list_is_refused(services: Services, notices: list[Any]):
    assert draw_comparison(services, asked("the fox", model="/etc"))["other"] is None
    assert "There is no model '/etc' here" in notices[0][1]


@pytest.mark.parametrize(
    "second", [5, "x", {"model": "tiny"}, {"of": 3}, [1], {"model": "tiny", "text": "a", "of": {}}]
)
def test_a_malformed_question_is_an_error_in_words(services: Services, second: Any):
    with pytest.raises(AnalysisError, match="malformed"):
        draw_comparison(services, second)


def test_models_that_do_not_fit_into_memory_together_are_refused(tmp_path: Any, notices: list[Any]):
    models = {"tiny": make_tiny("gpt2"), "large": make_tiny("gpt2", seed=1)}
    services = make_services(tmp_path, models)
    second = asked("the fox", model="large")
    assert draw_comparison(services, second)["alignment"]
    needed = 4 * models["tiny"].info.n_parameters
    services._models.max_bytes = int(1.5 * needed)
    assert draw_comparison(services, second)["other"] is None
    assert "need" in notices[0][1]
    assert "together" in notices[0][1]
    services._models.pin("tiny")  # which is not counted twice
    services._models.max_bytes = int(2.5 * needed)
    assert draw_comparison(services, second)["alignment"]


def test_the_strip_shows_differences_and_sends_its_chips_once(services: Services):
    a, b = (services.prompt({"model": "tiny", "text": text}) for text in ("the fox met", "the crow met"))
    comparison = services.comparison(a, b)
    selection, chosen = services.question({"model": "tiny", "text": "the fox met"}, "output@2")
    first = draw_strip_difference(services, comparison, chosen)
    assert len(first["chips"]) == comparison.a.n_positions
    assert first["title"] == "Tokens · A − B · position 2"
    again = draw_strip_difference(services, comparison, chosen, shown=first["shown"])
    assert "chips" not in again
    assert selection == a
