"""Saving the 3D scene: more pixels than the page has, with the page's own marks and labels."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.explorer import Explorer
from tests.browser.test_export import SVG, check_pictures, words_of

pytestmark = [pytest.mark.browser, pytest.mark.webgl, pytest.mark.slow]


def test_the_scene_is_saved_as_it_is_seen(explorer: Explorer) -> None:
    page = explorer.page
    camera = explorer.camera()
    svg = check_pictures(explorer, "architecture")
    (picture,) = svg.iter(f"{SVG}image")
    image = Image.open(io.BytesIO(base64.b64decode(picture.attrib["href"].split(",")[1])))
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    np.testing.assert_allclose(image.size, (3 * width, 3 * height), atol=3)
    assert len(image.getcolors(2**24)) > 100
    marks = {one.attrib["class"]: one for one in svg.iter(f"{SVG}polygon")}
    assert {"scene-mark", "scene-frame"} <= marks.keys()
    for name, mark in marks.items():
        assert mark.attrib["points"] == page.get_attribute(f".{name}", "points")
        assert "stroke: rgb" in mark.attrib["style"]
    assert {"embedding", "output"} <= set(words_of(svg))
    assert explorer.camera() == camera
    ratio = page.evaluate(
        "() => { const canvas = document.querySelector('#architecture-graph canvas');"
        " return canvas.width / canvas.clientWidth; }"
    )
    assert ratio < 2.5, "the page's own scene keeps its size"


def test_a_lost_scene_is_said(explorer: Explorer) -> None:
    page = explorer.page
    page.evaluate(
        "document.querySelector('#architecture-graph .js-plotly-plot')._fullLayout.scene._scene.glplot.gl"
        ".isContextLost = () => true"
    )
    page.click("#architecture-panel .panel-more > summary")
    page.click("#architecture-panel [data-export=png]")
    assert "the browser has dropped the 3D scene" in explorer.notice()
