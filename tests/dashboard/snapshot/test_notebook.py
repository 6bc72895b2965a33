"""Notebook of a view: safe whatever a visitor types, and with the page's numbers when it runs in a clean kernel."""

import ast
import json
import re
from base64 import b64decode
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import nbformat
import pytest
from dash import Dash
from nbclient import NotebookClient

import visualize
from analysis.errors import AnalysisError
from callbacks.export import draw_export
from callbacks.services import Services
from dashboard.panels import PANELS
from dashboard.settings import Settings
from dashboard.snapshot.draw import Snapshots
from dashboard.snapshot.export_site import snapshots_at_once
from dashboard.snapshot.notebook import notebook

ROOT = Path(__file__).parent.parent.parent.parent
ALL = [panel.name for panel in PANELS]
HOSTILE = '''a "fox"' \\ """; import os; os.system("x") #\u202e\n%%bash\n!ls\u2028'''
TWICE = "the wolf ate the red apple near the river and the wolf ate the red apple near the river"
FOX = TWICE.replace("wolf", "fox")


def sources(made: dict[str, Any]) -> list[str]:
    nbformat.validate(nbformat.from_dict(made))
    return [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]


def calls(source: str) -> list[str]:
    """Names of the functions that a cell calls."""
    return [ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("start", ["", "1"])
def test_a_hostile_text_is_a_text(snapshots: Snapshots, start: str) -> None:
    b = {"compare-text": HOSTILE[::-1], "compare-side": "difference", "effect-removed": "block.0.mlp=mean"}
    address = urlencode({"text": HOSTILE, "start": start, "select": "block.1.mlp@2", **b})
    cells = sources(notebook(snapshots, snapshots.question(address), ALL))
    functions = {f"visualize.{name}" for name in visualize.__all__}
    figures = cells[2:-2]
    assert len(figures) > 6
    for source in figures:
        assert set(calls(source)) <= functions
        assert "fox" not in source
    texts = [node.value for node in ast.walk(ast.parse(cells[1])) if isinstance(node, ast.Constant)]
    assert {HOSTILE, HOSTILE[::-1], "tiny"} <= set(texts)
    assert set(calls(cells[1])) <= {"visualize.use", "open_model", "print", "visualize.Sentence"}
    assert all(line.isascii() and line.isprintable() for line in cells[1].split("\n"))


def test_only_visible_panels_with_something_to_draw_have_cells(snapshots: Snapshots) -> None:
    head = snapshots.question("select=block.1.attention.head.2@3")
    cells = sources(notebook(snapshots, head, ["strip", "attention", "saliency"]))
    (figure,) = cells[2:-2]
    assert calls(figure) == ["visualize.plot_attention"]
    with pytest.raises(AnalysisError, match="Nothing that the page shows"):
        notebook(snapshots, head, ["saliency"])  # which no job has computed
    with pytest.raises(AnalysisError, match="Nothing that the page shows"):
        notebook(snapshots, snapshots.question("select=norm"), ["attention"])


def test_it_says_that_it_leaves_out_own_numbers(snapshots: Snapshots) -> None:
    for color, is_said in (("own", True), ("entropy", False)):
        made = notebook(snapshots, snapshots.question(f"select=norm&architecture-color={color}"), ["overview"])
        assert ("own numbers are not part of a notebook" in made["cells"][0]["source"]) == is_said


VIEWS = {
    "head": {"select": "block.3.attention.head.2@9~300", "attribution-against": "5", "saliency-against": "4"},
    "neuron": {
        "start": "1",
        "select": "block.2.mlp.neuron.17@9",
        "saliency-method": "depth",
        "architecture-color": "effect",
        "effect-removed": "block.3.attention.head.5=mean,block.0.mlp@4=zero",
        "effect-where": "one",
        "logit_lens-pins": "300,301",
        "activation-quantity": "mean",
        "activation-neurons": "strongest",
        "embedding-method": "tsne",
        "embedding-dimensions": "3",
    },
    "norm": {"select": "norm@5", "attention-view": "rollout", "embedding-scale": "raw", "written": "300.301"},
    "difference": {
        "select": "block.3.attention.head.2@9",
        "compare-text": FOX,
        "compare-side": "difference",
        "attention-view": "value_weighted",
    },
    "patches": {"select": "block.3.mlp@9", "compare-text": FOX, "effect-grid": "heads"},
    "b": {"select": "output@9", "compare-text": FOX, "compare-side": "b", "continuation-how": "sampled"},
}
RARE = ("head", "difference", "norm", "patches", "b")
# What a view without a block, or with patches or a comparison, does not have.
MISSING = {
    "norm": {"attention"},
    "b": {"attention"},
    "difference": {"summary"},
}


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Services, Snapshots]:
    """Snapshots of the bundled model, with all results."""
    return snapshots_at_once(Settings(cache_dir=str(tmp_path_factory.mktemp("cache"))))


def exported(services: Services, snapshots: Snapshots, address: str) -> dict[str, str]:
    """The digests in the JSON that the menus of all panels save, by the panels' and the arrays' names."""
    question, found = snapshots.question(address), {}
    first, second = question.compared or (question.prompt, None)
    for panel in PANELS:
        callback = panel.register(Dash("export"), services)
        page = {str(one): snapshots.value(one, question) for one in callback.choices.values()}
        page |= {"prompt.data": asdict(first), "other.data": second and asdict(second)}
        page |= {"selection.data": str(question.selection), "compare-side.value": question.side}
        try:
            download, _, _ = draw_export(services, callback, page, kind="json", name="numbers")
        except AnalysisError:  # it has no numbers
            continue
        arrays = json.loads(b64decode(download["content"]))["arrays"]
        found |= {f"{panel.name} {name}": array["sha256"] for name, array in arrays.items()}
    return found


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    "view", [pytest.param(view, marks=pytest.mark.thorough) if view in RARE else view for view in VIEWS]
)
def test_it_runs_in_a_clean_kernel_and_its_arrays_are_those_of_the_page(
    computed: tuple[Services, Snapshots], view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, snapshots = computed
    address = urlencode({"text": TWICE, **VIEWS[view]})
    made = nbformat.from_dict(notebook(snapshots, snapshots.question(address), ALL))
    monkeypatch.delenv("LLM_MODEL", raising=False)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    NotebookClient(made, timeout=200, kernel_name="python3", resources={"metadata": {"path": ROOT}}).execute()
    assert made.cells[2].outputs[0].text == "The weights are those of the page.\n"
    *rows, total = made.cells[-1].outputs[0].text.splitlines()
    assert total == f"{len(rows)} of {len(rows)} arrays are equal to the page's, bit by bit."
    found = {f"{figure} {array}": sha256 for _, sha256, figure, array in map(str.split, rows)}
    results = {"architecture", "overview", "summary", "attention", "activation", "embedding", "logit_lens", "saliency"}
    results |= {"attribution", "effect", "sweep"} if view != "patches" else {"attribution", "patching"}
    assert {name.split()[0] for name in found} == results - MISSING.get(view, set())
    page = exported(services, snapshots, address)
    own = {re.sub("^(sweep|patching) ", "effect ", name): sha256 for name, sha256 in found.items()}
    assert {name: page[name] for name in own} == own
