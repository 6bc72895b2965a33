"""Self-contained figures for a notebook, from hand-made ones."""

from copy import deepcopy
from dataclasses import fields, replace
from html import escape

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

from analysis.comparison.saliency import SaliencyDifference
from analysis.saliency import SaliencyResult
from layouts.figures.architecture import architecture_figure
from layouts.figures.comparison.attention import attention_difference_figure
from layouts.figures.comparison.saliency import saliency_difference_figure
from layouts.figures.saliency import saliency_depth_figure, saliency_figure
from layouts.figures.standalone import WIDTH, standalone
from layouts.theme import DARK, LIGHT
from tests.layouts.figures.comparison.test_attention import RESULT as ATTENTION
from tests.layouts.figures.test_architecture import RESULT as NETWORK
from tests.layouts.figures.test_saliency import DEPTH, RESULT

DEEP = saliency_depth_figure(replace(RESULT, depth=DEPTH))

DIFFERENCE = SaliencyDifference(
    **{field.name: getattr(RESULT, field.name) for field in fields(SaliencyResult)},
    a=RESULT,
    b=RESULT,
    others=RESULT.attributions,
    aligned=np.arange(len(RESULT.tokens)),
)


def made(*figures: go.Figure, **words: object) -> go.Figure:
    return standalone(
        figures, [200] * len(figures), **{"title": "Saliency", "sentences": ["One.", "Two."], "results": {}, **words}
    )


def test_sentences_are_above_the_figures_and_escaped() -> None:
    figure = made(saliency_figure(RESULT), title="of <b> & “<a href=x>”", sentences=["‘<i>’ says", "", "more"])
    text = figure.layout.title.text
    assert text.startswith("<b>of &lt;b&gt; &amp; “&lt;a href=x&gt;”</b><br>")
    assert "‘&lt;i&gt;’ says</span><br>" in text
    assert text.count("<br>") == 2  # an empty sentence takes no line


def test_long_sentences_wrap_and_make_the_figure_higher() -> None:
    short = made(saliency_figure(RESULT))
    long = made(saliency_figure(RESULT), title="wolf " * 30, sentences=["the wolf ate " * 40])
    lines = long.layout.title.text.count("<br>") + 1
    assert lines > 3
    assert long.layout.margin.t - short.layout.margin.t == (lines - 3) * 21
    assert long.layout.height - short.layout.height == (lines - 3) * 21


def test_one_figure_keeps_its_data_and_has_a_size() -> None:
    figure = made(saliency_figure(RESULT))
    assert_array_equal(figure.data[0].y, RESULT.attributions)
    assert figure.layout.width == WIDTH
    assert figure.layout.height == 200 + figure.layout.margin.t + figure.layout.margin.b
    assert figure.layout.paper_bgcolor == LIGHT.surface
    assert made(saliency_figure(RESULT), theme=DARK).layout.paper_bgcolor == DARK.surface
    assert figure.layout.xaxis.ticktext == saliency_figure(RESULT).layout.xaxis.ticktext
    assert figure.layout.hovermode == "x"
    assert figure.layout.bargap == pytest.approx(0.15)


def test_axes_can_be_zoomed() -> None:
    figure = made(saliency_figure(RESULT), DEEP)
    assert not any(axis.fixedrange for axis in (*figure.select_xaxes(), *figure.select_yaxes()))


def test_figures_are_stacked() -> None:
    upper, lower = (axis.domain for axis in made(saliency_figure(RESULT), DEEP).select_yaxes())
    assert upper[1] == pytest.approx(1)
    assert lower[0] == pytest.approx(0)
    inner = 200 + 96 + 200
    assert np.multiply(upper, inner) == pytest.approx([296, 496])
    assert np.multiply(lower, inner) == pytest.approx([0, 200])


def test_each_figure_keeps_its_own_axes_marks_and_colour_bar() -> None:
    figure = made(saliency_figure(RESULT), DEEP)
    bars, heat = figure.data
    assert (bars.xaxis, bars.yaxis, heat.xaxis, heat.yaxis) == ("x", "y", "x2", "y2")
    assert_array_equal(heat.z, DEPTH)
    assert [shape.xref for shape in figure.layout.shapes] == ["x", "x2"]
    assert [shape.yref for shape in figure.layout.shapes] == ["y domain", "y2 domain"]
    low, high = figure.layout.yaxis2.domain
    assert heat.colorbar.y == pytest.approx((low + high) / 2)
    assert heat.colorbar.len == pytest.approx(high - low)
    assert (figure.layout.xaxis2.anchor, figure.layout.yaxis2.anchor) == ("y2", "x2")


def test_a_figures_title_becomes_its_caption() -> None:
    (caption,) = made(DEEP, saliency_figure(RESULT)).layout.annotations
    assert caption.text == "Each token’s attribution (logits)"
    assert (caption.yref, caption.y) == ("y2 domain", 1)
    room = made(saliency_figure(RESULT), DEEP).layout.margin.t - made(DEEP).layout.margin.t
    assert room == 22


def test_a_scene_keeps_its_boxes_texts_and_camera() -> None:
    scene = architecture_figure(NETWORK)
    figure = made(scene)
    assert len(figure.data) == len(scene.data)
    assert figure.layout.scene == scene.layout.scene
    assert_array_equal(figure.data[0].intensity, scene.data[0].intensity)


def test_a_legend_is_kept_with_room_above_the_plot() -> None:
    bars = go.Figure(data=[{"type": "bar", "y": [1]}] * 2, layout={"showlegend": True, "legend": {"x": 0.5}})
    figure, without = made(bars), made(go.Figure(bars).update_layout(showlegend=False))
    assert (figure.layout.showlegend, without.layout.showlegend) == (True, False)
    assert figure.layout.legend.x == 0.5
    assert figure.layout.margin.t - without.layout.margin.t == 22


def test_a_legend_is_above_its_figure_and_has_each_name_once() -> None:
    lines = [{"type": "scatter", "name": name, "y": [1]} for name in "AB"]
    named = go.Figure(
        data=lines, layout={"showlegend": True, "legend": {"y": 1}, "xaxis": {"nticks": 3}, "yaxis": {"nticks": 3}}
    )
    figure = made(saliency_figure(RESULT), named, go.Figure(named).update_traces(name="B", selector={"name": "A"}))
    assert figure.layout.legend.y == pytest.approx(figure.layout.yaxis2.domain[1])
    assert [trace.showlegend for trace in figure.data] == [None, None, None, False, False]


def test_a_figure_may_have_two_y_axes() -> None:
    difference = saliency_difference_figure(DIFFERENCE)
    figure = made(DEEP, difference, DEEP)
    heat, *bars, last = figure.data
    assert (heat.yaxis, [bar.yaxis for bar in bars], last.yaxis) == ("y", ["y2", "y2", "y5"], "y3")
    assert {bar.xaxis for bar in bars} == {"x2"}
    upper, lower = figure.layout.yaxis2, figure.layout.yaxis5
    inner = 200 * 3 + 96 * 2
    assert np.multiply(upper.domain, inner) == pytest.approx([296 + 0.54 * 200, 496])
    assert np.multiply(lower.domain, inner) == pytest.approx([296, 296 + 0.46 * 200])
    assert (figure.layout.xaxis2.anchor, upper.anchor, lower.anchor) == ("y5", "x2", "x2")
    (shape,) = [shape for shape in figure.layout.shapes if shape.xref == "x2" and shape.fillcolor == LIGHT.accent2]
    assert shape.yref == "paper"
    assert np.multiply([shape.y0, shape.y1], inner) == pytest.approx([296, 496])


def test_a_line_across_a_figure_goes_across() -> None:
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 2, "y1": 2}
    dashed = go.Figure(data=[{"type": "bar", "y": [1]}], layout={"shapes": [line], "xaxis": {}, "yaxis": {}})
    (shape,) = made(dashed).layout.shapes
    assert (shape.xref, shape.yref) == ("x domain", "y")


def test_cells_of_a_small_difference_have_names_and_numbers() -> None:
    (shown,) = attention_difference_figure(ATTENTION).data
    (heat,) = made(attention_difference_figure(ATTENTION)).data
    levels, z = np.asarray(shown.z), np.asarray(heat.z)
    assert_array_equal(np.isnan(z), levels == 0)
    assert_array_equal(z[levels > 0], levels[levels > 0])
    for row, column in np.argwhere(levels > 0).tolist():
        value = shown.meta["values"][levels[row, column]]
        one, other = (escape(ATTENTION.tokens[n].label) for n in (row, column))
        assert heat.text[row][column] == f"{one} ({row}) → {other} ({column}): {value}"
    assert heat.hovertemplate == "%{text}<extra></extra>"


def test_a_figure_has_its_results_and_is_copied_without_them() -> None:
    figure = made(saliency_figure(RESULT), results={"saliency": RESULT})
    assert figure.results == {"saliency": RESULT}
    copy = deepcopy(figure)
    assert type(copy) is go.Figure
    assert copy == figure
