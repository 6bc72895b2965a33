import pytest

from layouts.figures.empty import empty_figure
from layouts.theme import LIGHT, THEMES, Theme


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda t: t.name)
def test_says_why_and_shows_nothing_else(theme: Theme):
    figure = empty_figure("Nothing is selected.", theme=theme)
    assert len(figure.data) == 0
    (note,) = figure.layout.annotations
    assert note.text == "Nothing is selected."
    assert (note.x, note.y, note.xref, note.yref, note.showarrow) == (0.5, 0.5, "paper", "paper", False)
    assert note.font.color == theme.quiet
    assert figure.layout.xaxis.visible is figure.layout.yaxis.visible is False


def test_is_light_unless_told():
    assert empty_figure("").layout.annotations[0].font.color == LIGHT.quiet
