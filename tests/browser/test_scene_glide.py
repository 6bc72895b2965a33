"""The selection's marks in the 3D scene glide to a new selection, and jump where the system asks for less motion."""

from collections.abc import Iterator

import numpy as np
import pytest

from analysis.selection import Selection
from analysis.trace import Trace
from layouts.figures.scene import make_scene
from layouts.figures.scene_marks import frame, mark
from tests.browser.explorer import FRAMES, Explorer
from tests.browser.projection import Projection, Vectors

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.long, pytest.mark.thorough]
START, END = "block.0.attention.head.2", "block.5.attention.head.6"
MARKS = ("mark", "frame")
# The clock stands still, and marks are drawn, at the time that the test says.
AT = (
    "(time) => { performance.now = () => time;"
    " const { scene } = dash_clientside.explorer; scene.drawMarks(scene.plot()); }"
)


@pytest.fixture
def still(explorer: Explorer, trace: Trace) -> Iterator[Explorer]:
    """The page with the first selection, and a clock that stands still."""
    page = explorer.page
    page.evaluate("() => { window.clock = performance.now; }")
    select(explorer, START)
    page.evaluate(AT, 10**9)
    yield explorer
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("() => { performance.now = window.clock; }")


def select(explorer: Explorer, text: str) -> None:
    explorer.page.evaluate("(select) => dash_clientside.explorer.request({ select })", text)
    explorer.page.evaluate(FRAMES)


def box(points: Vectors) -> list[float]:
    """Left, top, right and bottom of points, (2, points)."""
    return [*points.min(axis=1), *points.max(axis=1)]


def drawn(explorer: Explorer, name: str) -> list[float]:
    points = explorer.page.eval_on_selector(f".scene-{name}", "(p) => [...p.points].map(({ x, y }) => [x, y])")
    return box(np.transpose(points))


def expected(explorer: Explorer, trace: Trace, name: str, text: str) -> list[float]:
    selection, scene = Selection.parse(text), make_scene(trace.info)
    line = frame(selection, scene) if name == "frame" else mark(selection, trace.info, scene)
    ends = np.array([line[axis] for axis in "xyz"], float).T
    return box(Projection.of(explorer.page).in_picture(ends[np.isfinite(ends).all(axis=1)]))


@pytest.mark.parametrize("name", MARKS)
def test_marks_glide_through_places_between_and_end_exactly(still: Explorer, trace: Trace, name: str) -> None:
    start, end = (expected(still, trace, name, text) for text in (START, END))
    assert drawn(still, name) == pytest.approx(start, abs=1)
    with still.held():
        select(still, END)
        assert drawn(still, name) == pytest.approx(start, abs=1)
        lefts = []
        for time in (50, 100, 149):
            still.page.evaluate(AT, 10**9 + time)
            lefts.append(drawn(still, name)[0])
        assert start[0] + 1 < lefts[0] < lefts[1] < lefts[2] <= end[0] + 1
        still.page.evaluate(AT, 10**9 + 150)
        assert drawn(still, name) == pytest.approx(end, abs=1)


def test_a_glide_goes_on_from_where_it_is(still: Explorer, trace: Trace) -> None:
    with still.held():
        select(still, END)
        still.page.evaluate(AT, 10**9 + 60)
        between = drawn(still, "mark")
        select(still, START)
        assert drawn(still, "mark") == pytest.approx(between, abs=1)
        still.page.evaluate(AT, 10**9 + 210)
        assert drawn(still, "mark") == pytest.approx(expected(still, trace, "mark", START), abs=1)


def test_with_reduced_motion_marks_jump(still: Explorer, trace: Trace) -> None:
    still.page.emulate_media(reduced_motion="reduce")
    with still.held():
        select(still, END)
        assert drawn(still, "mark") == pytest.approx(expected(still, trace, "mark", END), abs=1)
