"""The README's notebook, executed by a kernel as a person would."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import visualize
from dashboard.panels import PANELS
from layouts import ids

pytestmark = [pytest.mark.long, pytest.mark.thorough]

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The section's blocks of Python, executed one after the other in the project's folder."""
    section = re.search(r"^## Notebook\n(.*?)^## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert section
    blocks = re.findall(r"^```python\n(.*?)^```$", section[1], re.M | re.S)
    notebook = new_notebook(cells=[new_code_cell(block) for block in blocks])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LLM_MODEL", raising=False)
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": ROOT}}).execute()
    nbformat.validate(notebook)
    return list(notebook.cells)


def shown(cell: Any) -> dict[str, Any]:
    """What the cell's last line shows, by kind."""
    (result,) = [one for one in cell.outputs if one.output_type in ("execute_result", "display_data")]
    return dict(result.data)


def test_the_first_cell_shows_a_table(cells: list[Any]) -> None:
    data = shown(cells[0])
    assert "<td" in data["text/html"]
    assert "5,853,184" in data["text/html"]
    assert "5,853,184" in data["text/plain"]


def test_the_heads_are_a_table(cells: list[Any]) -> None:
    (cell,) = [cell for cell in cells if "head_scores" in cell.source]
    assert "random tokens, repeated once" in shown(cell)["text/html"]
    assert "induction" in shown(cell)["text/plain"]


def test_the_continued_text_is_a_table(cells: list[Any]) -> None:
    (cell,) = [cell for cell in cells if "continue_text" in cell.source]
    assert "“When the king" in shown(cell)["text/html"]
    assert shown(cell)["text/plain"].endswith("Settings: temperature 0.8.")


def test_every_other_cell_shows_a_figure_of_a_panel_about_the_sentence(cells: list[Any]) -> None:
    headings = {panel.layout()[ids.title(panel.name)].children for panel in PANELS}
    drawn = [shown(cell) for cell in cells[1:] if not re.search("head_scores|continue_text", cell.source)]
    titles = [data["application/vnd.plotly.v1+json"]["layout"]["title"]["text"] for data in drawn]
    for title in titles:
        found = re.match(r"<b>([\w ]+) · (.*?) · “When", title)
        assert found, title
        assert found[1] in headings
    assert titles[0].startswith("<b>Attention · block 3, head 4 · “When the king")


def test_every_function_is_shown(cells: list[Any]) -> None:
    used = {name for cell in cells for name in re.findall(r"visualize\.(\w+)\(", cell.source)}
    assert used == set(visualize.__all__)
