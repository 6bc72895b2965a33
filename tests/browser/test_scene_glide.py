"""The selection's marks in the 3D scene glide to a new selection, and jump where the system asks for less motion."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Request

from analysis.selection import Selection
from analysis.trace import Trace
from layouts.figures.architecture import FRAME, MARK
from layouts.figures.scene import make_scene
from layouts.figures.scene_marks import mark
from tests.browser.explorer import BEGINNING, FRAMES, PLOT, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.shared_page, pytest.mark.long]
LAST = 18
SCENE = PLOT.format(id="architecture-graph")
# The glide's frames come when the test says so, at the time that it says.
HOLD = r"""() => {
  window.held = []; window.given = requestAnimationFrame;
  window.requestAnimationFrame = (run) => (/^\(time\) => step/.test(run) ? held.push(run) : given(run));
  document.addEventListener("figuredrawn", ({ target }) => {
    if (target.closest("#architecture-graph")) window.marks = String([...target._fullData[5].x]);
  }); }"""
FRAME_AT = "(time) => { for (const run of held.splice(0)) run(time); }"
RELEASE = (
    "() => { window.marks = ''; window.requestAnimationFrame = given; for (const run of held.splice(0)) given(run); }"
)
# Where lines are drawn, in units of the data: that is what Plotly's WebGL has been given last.
DRAWN = (
    f"(index) => {{ const plot = {SCENE}, {{ dataScale, traces }} = plot._fullLayout.scene._scene;"
    " const { dataPoints } = traces[plot._fullData[index].uid];"
    " return dataPoints.map((point) => point.map((value, axis) => value / dataScale[axis])); }"
)


@pytest.fixture
def held(explorer: Explorer, trace: Trace) -> Iterator[Explorer]:
    has_marks_of(explorer, trace, BEGINNING)
    explorer.page.evaluate(FRAMES)
    explorer.page.evaluate(HOLD)
    yield explorer
    explorer.page.emulate_media(reduced_motion="no-preference")
    explorer.page.evaluate(RELEASE)


def has_marks_of(explorer: Explorer, trace: Trace, text: str) -> None:
    """Wait until the marks of a selection are drawn."""
    places = mark(Selection.parse(text), trace.info, make_scene(trace.info))["x"]
    explorer.page.wait_for_function(
        "(places) => window.marks === String(places) || !window.marks"
        f" && String([...{SCENE}._fullData[{MARK}].x]) === String(places)",
        arg=places,
    )


def select(explorer: Explorer, trace: Trace, text: str) -> None:
    """Select a part, and wait until its marks are drawn."""
    explorer.page.evaluate("(select) => dash_clientside.explorer.request({ select })", text)
    explorer.follows(f"{text}@{LAST}")
    has_marks_of(explorer, trace, text)


def drawn(explorer: Explorer, line: int) -> Any:
    """Low and high corner of a line as it is on the screen."""
    points = np.array(explorer.page.evaluate(DRAWN, line), dtype=float)
    return np.nanmin(points, axis=0), np.nanmax(points, axis=0)


def given(explorer: Explorer, line: int) -> Any:
    """The same of the figure."""
    points = np.array([explorer.data("architecture-graph", f"_fullData[{line}].{axis}") for axis in "xyz"], dtype=float)
    return np.nanmin(points, axis=1), np.nanmax(points, axis=1)


def test_marks_glide_through_places_between_and_end_exactly(held: Explorer, trace: Trace) -> None:
    asked: list[str] = []  # about the selection; jobs that are done ask, too

    def note(request: Request) -> None:
        if "selection.data" in json.loads(request.post_data or "{}").get("changedPropIds", ()):
            asked.append(request.url)

    held.page.on("request", note)
    starts = {line: drawn(held, line) for line in (MARK, FRAME)}
    select(held, trace, "block.5.attention.head.6")
    n_asked = len(asked)
    assert n_asked == 1
    ends = {line: given(held, line) for line in (MARK, FRAME)}
    seen = {line: [drawn(held, line)] for line in (MARK, FRAME)}
    for time in (1000, 1050, 1100, 1149):
        held.page.evaluate(FRAME_AT, time)
        for line, places in seen.items():
            places.append(drawn(held, line))
    for line, places in seen.items():
        for place in places[:2]:
            np.testing.assert_allclose(place, starts[line], atol=1e-5)
        along = [place[0][0] for place in places[1:]]
        assert all(np.diff(along) > 0), "from one block to the other"
        assert along[-1] < ends[line][0][0]
    held.page.evaluate(FRAME_AT, 1150)
    for line, end in ends.items():
        np.testing.assert_allclose(drawn(held, line), end, atol=1e-5)
    assert len(asked) == n_asked


def test_a_glide_goes_on_from_where_it_is(held: Explorer, trace: Trace) -> None:
    select(held, trace, "block.1.attention.head.2")
    held.page.evaluate(FRAME_AT, 1000)
    held.page.evaluate(FRAME_AT, 1060)
    between = drawn(held, MARK)
    select(held, trace, "block.0.mlp.neuron.40")
    np.testing.assert_allclose(drawn(held, MARK), between, atol=1e-5)
    held.page.evaluate(FRAME_AT, 2000)
    held.page.evaluate(FRAME_AT, 2150)
    np.testing.assert_allclose(drawn(held, MARK), given(held, MARK), atol=1e-5)


def test_from_a_box_to_a_wall_and_to_an_end(held: Explorer, trace: Trace) -> None:
    """Lines with other numbers of points, and the frame, which the ends have not."""
    for text in ("block.4.attention", "embedding", "block.2.mlp"):
        select(held, trace, text)
        for time in (1000, 1100, 1150):
            held.page.evaluate(FRAME_AT, time)
            assert np.isfinite(drawn(held, MARK)).all()
        np.testing.assert_allclose(drawn(held, MARK), given(held, MARK), atol=1e-5)
    np.testing.assert_allclose(drawn(held, FRAME), given(held, FRAME), atol=1e-5)


def test_with_reduced_motion_marks_jump(held: Explorer, trace: Trace) -> None:
    held.page.emulate_media(reduced_motion="reduce")
    select(held, trace, "block.5.attention.head.1")
    for line in (MARK, FRAME):
        np.testing.assert_allclose(drawn(held, line), given(held, line), atol=1e-5)
