"""Every claim of the lessons is true of the bundled model, and of no model of its shape with random weights."""

import re
from collections.abc import Callable

import pytest

from analysis.lessons.all_lessons import LESSONS
from analysis.lessons.lesson import Claim, Subject

pytestmark = pytest.mark.long  # with the bundled model


@pytest.mark.parametrize("name", LESSONS)
def test_all_claims_hold_on_the_bundled_model(bundled: Subject, name: str) -> None:
    title, compute = LESSONS[name]
    lesson = compute(bundled)
    assert lesson.title == title
    assert [str(claim) for claim in lesson.claims if not claim.holds] == []
    assert 3 <= len(lesson.views) <= 6
    assert len({view.name for view in lesson.views}) == len(lesson.views)
    for view in lesson.views:
        assert len(view.sentences) == 2
        assert isinstance(view.sentences[1], Claim)
        assert view.note == f"{view.sentences[0]} {view.sentences[1].words}"
        assert all(re.fullmatch(r"[A-Z‘].*[.?]", str(sentence)) for sentence in view.sentences)
        assert len(view.name + view.note) <= 250, "two lines of the bar"


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", LESSONS)
def test_no_claim_holds_on_random_weights(untrained: Callable[[int], Subject], name: str, seed: int) -> None:
    """And the lesson says so, instead of saying what is false."""
    lesson = LESSONS[name][1](untrained(seed))
    assert [claim.words for claim in lesson.claims if claim.holds] == []
    for view in lesson.views:
        assert str(view.sentences[1]) in view.note
        assert view.sentences[1].words not in view.note  # type: ignore[union-attr]
        assert re.search("[Tt]his model", view.note), view.note
