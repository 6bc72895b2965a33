"""Structure of the panels: each is five files of one name, with their tests, and on the page once."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from dashboard.panels import PANELS
from tests.test_structure import IN_FOLDERS, ROOT, SOURCES


def analysis_of(name: str) -> str:
    """The file that computes what a panel shows: at the top of `analysis/`, or in a folder of its subject. What it
    shows of A − B is computed in `analysis/comparison/`.
    """
    (found,) = [source for source in IN_FOLDERS if re.fullmatch(rf"analysis/(?!comparison/)(\w+/)?{name}\.py", source)]
    return found


@pytest.mark.parametrize("name", [panel.name for panel in PANELS])
def test_a_panel_is_five_files_of_its_name_with_tests(name: str):
    layouts = (f"layouts/figures/{name}.py", f"layouts/figures/tables/{name}.py", f"layouts/{name}.py")
    files = (analysis_of(name), *layouts, f"callbacks/{name}.py")
    tests = (
        analysis_of(name).replace("analysis/", "tests/analysis/").replace(f"{name}.py", f"test_{name}.py"),
        f"tests/layouts/figures/test_{name}.py",
        f"tests/callbacks/test_{name}.py",
    )
    assert [file for file in (*files, *tests) if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_a_panels_names_follow_from_its_name(panel):
    name = panel.name
    analysis = analysis_of(name).removesuffix(".py").replace("/", ".")
    assert callable(getattr(import_module(analysis), f"compute_{name}"))
    assert callable(getattr(import_module(f"callbacks.{name}"), f"draw_{name}"))
    assert panel.register is import_module(f"callbacks.{name}").register
    assert panel.layout is import_module(f"layouts.{name}").layout
    assert callable(getattr(import_module(f"layouts.figures.tables.{name}"), f"{name}_tables"))
    figures = vars(import_module(f"layouts.figures.{name}"))
    assert f"{name}_reading" in figures
    root = panel.layout()
    assert root.id == f"{name}-panel"
    own_ids = {item.id for item in root._traverse() if getattr(item, "id", None)}
    assert all(str(id).startswith(f"{name}-") for id in own_ids)
    assert {*panel.clicks, *panel.settings} <= own_ids


def test_every_panel_is_on_the_page_once():
    files = {Path(source).stem for source in SOURCES if re.fullmatch(r"layouts/figures/\w+\.py", source)}
    names = [panel.name for panel in PANELS]
    assert len(names) == len(set(names))
    scene = {"scene", "scene_alone", "scene_colors", "scene_labels", "scene_marks", "scene_values"}
    parts = {"overview_grid", "overview_patterns", "saliency_numbers", "saliency_path", "summary_table"} | scene
    parts |= {"attribution_charts", "attribution_parts", "continuation_table", "effect_patching", "explained"}
    parts |= {"head_scores", "logit_lens_depths", "own_numbers"}
    assert set(names) == files - parts - {"__init__", "drawing", "empty", "image", "shade", "standalone", "text"}
