"""The 3D scene in a notebook, from a hand-made result."""

from dataclasses import replace

import plotly.graph_objects as go

from layouts.figures.architecture import ENDS, FRAME, HEADS, MARK, STREAM, TILES, architecture_figure
from layouts.figures.scene_alone import make_self_contained
from tests.layouts.figures.test_architecture import RESULT


def hovers(figure: go.Figure, mesh: int) -> list[str]:
    """One text per box; all corners of a box have the same."""
    make_self_contained(figure, RESULT.info)
    texts = list(figure.data[mesh].hovertext)
    assert len(texts) == len(figure.data[mesh].x)
    boxes = [texts[n : n + 8] for n in range(0, len(texts), 8)]
    assert all(len(set(box)) == 1 for box in boxes)
    assert figure.data[mesh].hoverinfo == "text"
    return [box[0] for box in boxes]


def test_each_box_has_its_name_its_number_and_the_unit() -> None:
    unit = "(L2 norm of what it adds to the residual stream)"
    heads = hovers(architecture_figure(RESULT), HEADS)
    assert heads == [
        f"Block 0 · head 0<br>0.0 {unit}",
        f"Block 0 · head 1<br>1.0 {unit}",
        f"Block 1 · head 0<br>4.0 {unit}",
        f"Block 1 · head 1<br>0.25 {unit}",
    ]
    tiles = hovers(architecture_figure(RESULT), TILES)
    assert tiles[0] == f"Block 0 · neuron 0<br>1.0 {unit}"
    assert tiles[-1] == f"Block 1 · neuron 5<br>2.0 {unit}"
    stream = "(L2 norm of the residual stream here)"
    ends = hovers(architecture_figure(RESULT), ENDS)
    assert ends == [f"Token embedding<br>1.0 {stream}", f"Final norm<br>3.0 {stream}", "Output"]
    assert hovers(architecture_figure(RESULT), STREAM)[1] == "Residual stream after block 0<br>2.0 (L2 norm)"


def test_a_box_without_a_number_has_its_name() -> None:
    plain = replace(RESULT, color_by="kind", heads=None, tiles=None)
    assert hovers(architecture_figure(plain), HEADS)[2] == "Block 1 · head 0"


def test_the_colour_bar_is_below_the_scene() -> None:
    figure = architecture_figure(RESULT)
    make_self_contained(figure, RESULT.info)
    bar = figure.data[HEADS].colorbar
    assert (bar.y, bar.yanchor) == (0, "bottom")
    assert figure.layout.scene.domain.y[0] > 0.1


def test_nothing_is_marked_as_selected() -> None:
    figure = architecture_figure(RESULT)
    make_self_contained(figure, RESULT.info)
    assert [n for n, trace in enumerate(figure.data) if trace.visible is False] == [MARK, FRAME]
