"""The tour: five steps, each with what it explains."""

from layouts.tour import STEPS, card, offer
from tests.layouts.texts import texts


def test_the_card_has_the_words_of_five_steps() -> None:
    steps = card().children[-1].children
    assert len(steps) == len(STEPS) == 5
    for step, (title, words, targets) in zip(steps, STEPS, strict=True):
        assert texts(step) == [title, words]
        assert getattr(step, "data-targets") == targets
    assert card().hidden


def test_the_offer_is_hidden_until_the_script_knows_that_the_visitor_is_new() -> None:
    assert offer().hidden
    assert "".join(texts(offer())) == " First time here? Take the tour (five steps) · Skip"
