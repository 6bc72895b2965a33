"""Figures in docks of all sizes: square cells, evenly wrapped small multiples, labels that do not overlap."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from layouts.figures.attention import attention_figure, attention_heads_figure
from layouts.figures.attribution import attribution_figure
from layouts.figures.attribution_charts import attribution_bars_figure
from layouts.figures.embedding import embedding_figure
from layouts.figures.empty import empty_figure
from layouts.figures.summary import summary_figure
from tests.browser.explorer import FRAMES, Explorer
from tests.layouts.figures.test_attention import long, result
from tests.layouts.figures.test_attribution import RESULT as ATTRIBUTION
from tests.layouts.figures.test_embedding import made
from tests.layouts.figures.test_summary import LENS

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long]
SIZES = [(1400, 800), (700, 420), (420, 640), (390, 300), (280, 160), (180, 600)]
# Draws a figure in a place of its own, as Dash does, and gives back the figure as JSON after that.
DRAW = """async ([figure, width, height]) => {
  document.getElementById('place')?.remove();
  const place = document.createElement('div');
  place.id = 'place';
  place.style.cssText = `position:fixed;left:0;top:0;z-index:99;width:${width}px;height:${height}px`;
  document.body.append(place);
  await Plotly.newPlot(place, figure, {}, { responsive: false });
  return JSON.stringify(figure); }"""
AREAS = """() => { const { _fullLayout: layout } = document.getElementById('place');
  return Object.keys(layout).filter((name) => /^xaxis/.test(name)).map((name) => {
    const x = layout[name], y = layout[name.replace('x', 'y')];
    return { left: x._offset, top: y._offset, width: x._length, height: y._length,
             cell: [Math.abs(x._m), Math.abs(y._m)] }; }); }"""
TEXTS = """(selector) => [...document.querySelectorAll(`#place ${selector}`)].filter((text) => text.textContent.trim())
  .map((text) => { const { left, top, right, bottom } = text.getBoundingClientRect();
    return { text: text.textContent, left, top, right, bottom }; })"""


@pytest.fixture(autouse=True)
def _clean(explorer: Explorer) -> Iterator[None]:
    yield
    explorer.page.evaluate("document.getElementById('place')?.remove()")


def draw(explorer: Explorer, figure: go.Figure, width: int, height: int) -> None:
    """Draw it, and fail if the figure that was handed over has lost anything."""
    sent = json.loads(figure.to_json())
    lost = list(changed(sent, json.loads(explorer.page.evaluate(DRAW, [sent, width, height]))))
    assert not lost, lost
    explorer.page.evaluate(FRAMES)


def changed(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where a figure has not what it had. Plotly itself adds to figures, and unpacks their bytes."""
    if isinstance(before, dict) and "bdata" not in before and isinstance(after, dict):
        for name, value in before.items():
            yield from changed(value, after.get(name), f"{path}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, value in enumerate(before):
            yield from changed(value, after[n], f"{path}[{n}]")
    elif before != after and not (isinstance(before, dict) and "bdata" in before and after):
        yield path


def full(explorer: Explorer, path: str) -> Any:
    """What Plotly has drawn."""
    return explorer.page.evaluate(f"document.getElementById('place').{path}")


def areas(explorer: Explorer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = explorer.page.evaluate(AREAS)
    return found


def overlapping(texts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of texts of which one lies over the other by more than a pixel."""
    return [
        (one["text"], other["text"])
        for n, one in enumerate(texts)
        for other in texts[:n]
        if min(one["right"], other["right"]) - max(one["left"], other["left"]) > 1
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > 1
    ]


@pytest.mark.parametrize(
    "n_tokens", [40, *(pytest.param(n, marks=[pytest.mark.slow, pytest.mark.thorough]) for n in (4, 200))]
)
def test_heat_maps_have_square_cells_at_every_size(explorer: Explorer, n_tokens: int) -> None:
    """As numbers and, in a long text, as an image; and they use what there is of the place."""
    for width, height in SIZES:
        draw(explorer, attention_figure(long(n_tokens)), width, height)
        (area,) = areas(explorer)
        across, down = area["cell"]
        assert across == pytest.approx(down, rel=0.01), (width, height)
        assert area["width"] == pytest.approx(n_tokens * across, abs=4)
        assert max(area["width"] / width, area["height"] / height) > 0.4
        assert area["left"] >= 0
        assert area["top"] >= 0
        assert area["left"] + area["width"] <= width
        assert area["top"] + area["height"] <= height


def test_words_are_whole_in_narrow_figures(explorer: Explorer) -> None:
    """The message of an empty figure, and the labels beside and inside long bars, stay within the figure."""
    sure = replace(LENS, top=((LENS.top[1][0], 0.97), LENS.top[0]), logits=LENS.logits[:2])
    empty = empty_figure("This part has no neurons. Select a block.")
    for figure, words, sizes in (
        (empty, ".annotation-text", [(140, 120), (320, 200), (700, 420)]),
        (summary_figure(sure), ".bartext", [(430, 200)]),
    ):
        for width, height in sizes:
            draw(explorer, figure, width, height)
            texts = explorer.page.evaluate(TEXTS, words)
            assert texts
            for text in texts:
                assert text["left"] >= 0, (text, width)
                assert text["right"] <= width, (text, width)


@pytest.mark.thorough
def test_labels_of_axes_thin_out_and_come_back(explorer: Explorer) -> None:
    """Labels below each other, and slanted ones beside each other, which need more than a line each."""
    shown = {}
    for width, height in SIZES:
        draw(explorer, attention_figure(long(40)), width, height)
        rows = explorer.page.evaluate(TEXTS, ".ytick text")
        assert not overlapping(rows), (width, height)
        places = sorted(text["right"] for text in explorer.page.evaluate(TEXTS, ".xtick text"))
        assert all(np.diff(places) > 13), (width, height)
        shown[width, height] = len(rows), len(places)
    assert shown[1400, 800] == (20, 20), "as many as the figure has"
    assert 0 < shown[390, 300][0] < 20
    assert shown[280, 160][1] == 0, "the rows have the same labels as the columns"


@pytest.mark.slow
def test_what_has_no_room_is_left_out(explorer: Explorer) -> None:
    """Titles of axes and the colour bar."""
    for (width, height), has_room in [((700, 420), True), ((340, 420), False), ((700, 250), False)]:
        draw(explorer, attention_figure(long(8)), width, height)
        assert full(explorer, "querySelectorAll('.colorbar').length") == has_room
        assert full(explorer, "querySelectorAll('.ytitle').length") == has_room
        assert full(explorer, "_fullData[0].z.length") == 8


@pytest.mark.parametrize(
    "n_heads",
    [7, 12, *(pytest.param(n, marks=[pytest.mark.slow, pytest.mark.thorough]) for n in (1, 4, 8, 9, 14, 16, 25, 32))],
)
def test_small_multiples_wrap_evenly(explorer: Explorer, n_heads: int) -> None:
    """Squares of one size, in rows of one length, unless these would be much smaller."""
    for width, height in [(520, 110), (300, 300), (140, 420), (760, 250), (190, 130)]:
        draw(explorer, attention_heads_figure(result(n_heads, head=0)), width, height)
        found = areas(explorer)
        assert len(found) == n_heads
        side = found[0]["width"]
        for area in found:
            assert area["width"] == pytest.approx(side, abs=1)
            assert area["height"] == pytest.approx(side, abs=1)
            assert area["left"] >= -1
            assert area["left"] + side <= width + 1
            assert area["top"] >= 10, "its number is above it"
            assert area["top"] + side <= height + 1
        rows = np.unique([round(area["top"]) for area in found], return_counts=True)[1]
        order = [(round(area["top"]), round(area["left"])) for area in found]
        assert order == sorted(order), "they are read like a page"
        if len(set(rows)) > 1:
            assert best_side(n_heads, width, height, even=True) < 0.6 * best_side(n_heads, width, height, even=False)
        assert not overlapping(explorer.page.evaluate(TEXTS, ".annotation-text"))


def best_side(count: int, width: int, height: int, *, even: bool) -> float:
    """The largest square with which so many fit, each with 16 pixels for its number; even: in rows of one length."""
    columns = [n for n in range(1, count + 1) if not (even and count % n)]
    return max(min(width / n, height / -(-count // n) - 16) for n in columns)


@pytest.mark.slow
def test_nine_heads_are_three_rows_of_three_or_one_of_nine(explorer: Explorer) -> None:
    for size, columns in [((300, 300), 3), ((700, 100), 9), ((80, 700), 1)]:
        draw(explorer, attention_heads_figure(result(9)), *size)
        assert len({round(area["left"]) for area in areas(explorer)}) == columns


@pytest.mark.slow
def test_frames_and_numbers_move_with_the_multiples(explorer: Explorer) -> None:
    draw(explorer, attention_heads_figure(result(9, head=5)), 300, 300)
    shape = full(explorer, "_fullLayout.shapes[5]")
    area = areas(explorer)[5]
    assert shape["x0"] * 300 == pytest.approx(area["left"], abs=1)
    note = full(explorer, "_fullLayout.annotations[5]")
    assert (note["text"], note["x"]) == ("<b>5</b>", shape["x0"])


def crowd(n: int, position: int) -> go.Figure:
    """Many tokens as points, close to each other."""
    points = np.random.default_rng(3).normal(size=(n, 2))
    return embedding_figure(made([f"·token{k}" for k in range(n)], points, position=position, nearest=0))


@pytest.mark.parametrize("size", SIZES)
def test_labels_of_points_do_not_overlap_and_the_selected_one_stays(explorer: Explorer, size: tuple[int, int]) -> None:
    draw(explorer, crowd(40, 17), *size)
    texts = explorer.page.evaluate(TEXTS, ".textpoint text")
    assert not overlapping(texts)
    labels = [text["text"] for text in texts]
    assert "·token17" in labels
    assert len(labels) >= (8 if size[0] * size[1] > 200_000 else 2)


@pytest.mark.slow
def test_points_of_bytes_are_thinned_as_plain_ones_are(explorer: Explorer) -> None:
    """Plotly gets numbers as arrays, and as bytes in base64."""
    figure = json.loads(crowd(40, 17).to_json())
    plain = explorer.page.evaluate(
        """(figure) => {
          const { withoutOverlaps } = dash_clientside.explorer;
          const numbers = ({ bdata, dtype }) => [...new { f4: Float32Array, f8: Float64Array }[dtype](
            Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0)).buffer)];
          const unpacked = figure.data.map((trace) => ({ ...trace,
            ...(trace.x.bdata && { x: numbers(trace.x), y: numbers(trace.y) }) }));
          const texts = (data) => withoutOverlaps(data, figure.layout, 300, 200).map(({ text }) => text ?? null);
          return [texts(figure.data), texts(unpacked), figure.data.some(({ x }) => x.bdata)]; }""",
        figure,
    )
    assert plain[2]
    assert plain[0] == plain[1]
    shown = [label for label in plain[0][0] if label]
    assert 0 < len(shown) < len([label for label in figure["data"][0]["text"] if label])


@pytest.mark.slow
def test_the_figure_that_dash_holds_stays_whole(explorer: Explorer) -> None:
    """A dock that gets small and large again shows all that it showed."""
    page = explorer.page
    read = """() => { const plot = document.querySelector('#attention-graph .js-plotly-plot');
      return { labels: plot._fullLayout.xaxis.ticktext.length, rows: plot._fullLayout.yaxis.range,
               title: plot._fullLayout.yaxis.title.text,
               bars: plot.querySelectorAll('.colorbar').length, width: plot._fullLayout.width }; }"""
    resize = "(size) => Object.assign(document.getElementById('attention-graph').style, size)"
    settled = (
        "([width]) => document.querySelector('#attention-graph .js-plotly-plot')._fullLayout.width === width"
        " && document.querySelector('#attention-graph .js-plotly-plot').clientWidth === width"
    )
    seen = []
    for width, height in [(900, 700), (240, 200), (900, 700)]:
        page.evaluate(resize, {"width": f"{width}px", "height": f"{height}px"})
        page.wait_for_function(settled, arg=[width])
        seen.append(page.evaluate(read))
    assert seen[0] == seen[2]
    assert (seen[0]["labels"], seen[0]["bars"]) == (19, 1)
    assert [one["rows"] for one in seen] == [pytest.approx([18.5, -0.5], abs=0.3)] * 3, "the first query on top"
    assert seen[1]["labels"] < 19
    assert not seen[1]["bars"]
    page.evaluate(resize, {"width": "", "height": "100%"})


@pytest.mark.thorough
def test_a_figure_that_dash_has_resized_is_fitted_as_well(explorer: Explorer) -> None:
    """Dash tells Plotly the new size of its place, too, sometimes before the page does."""
    page = explorer.page
    for size, n_bars in ((900, 1), (200, 0), (900, 1)):
        page.evaluate(
            """(size) => { const place = document.getElementById('attention-graph');
              Object.assign(place.style, { width: `${size}px`, height: `${size}px` });
              const plot = place.querySelector('.js-plotly-plot');
              return Plotly.relayout(plot, { width: plot.clientWidth, height: plot.clientHeight }); }""",
            size,
        )
        bars = "document.querySelectorAll('#attention-graph .colorbar').length"
        page.wait_for_function(f"{bars} === {n_bars}")
    page.evaluate("Object.assign(document.getElementById('attention-graph').style, { width: '', height: '100%' })")


@pytest.mark.thorough
def test_parts_have_names_that_do_not_overlap(explorer: Explorer) -> None:
    """Every bar that is drawn has its own; of the columns of the grid, those that have room."""
    for width, height in SIZES:
        draw(explorer, attribution_bars_figure(ATTRIBUTION), width, height)
        names = explorer.page.evaluate(TEXTS, ".ytick text")
        first, last = full(explorer, "_fullLayout.yaxis.range")
        assert len(names) == first - last > 3, (width, height)
        assert not overlapping(names), (width, height)
        draw(explorer, attribution_figure(ATTRIBUTION), width, height)
        columns = explorer.page.evaluate(TEXTS, ".xtick text")
        assert columns, (width, height)
        assert not overlapping(columns), (width, height)
