"""CONTRIBUTING.md: the example panel works, added to a copy of the code exactly as described."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT

pytestmark = pytest.mark.long
FOLDERS = ("analysis", "layouts", "callbacks", "dashboard")
BLOCKS = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPT = """
import json
import tempfile
from base64 import b64decode
from pathlib import Path
from dashboard.app import create_app
from dashboard.settings import Settings
from tests.tiny import TEXT, make_tiny
from tests.page import of_app, words

assert Path(create_app.__code__.co_filename).is_relative_to({copy!r})
with tempfile.TemporaryDirectory() as cache:
    app = create_app(Settings(cache_dir=cache), models={{"tiny": make_tiny("gpt2")}})
    page = of_app(app.server)
    page.values["prompt", "data"] = {{"model": "tiny", "text": TEXT, "start": False}}
    page.set("selection", "data", "block.1.attention.head.2@3")
    (bars,) = page.values["length-graph", "figure"]["data"]
    assert bars["customdata"][3] == "@3"
    assert words(page.values["length-reading", "children"]).startswith("The longest token is")
    page.set("export-request", "data", {{"panel": "length", "kind": "json", "name": "lengths"}})
    saved = json.loads(b64decode(page.values["export-download", "data"]["content"]))
    assert saved["arrays"]["length.lengths"]["values"] == [len(token["label"]) for token in saved["A"]["tokens"]]
    assert page.values["length-panel", "data-selection"] == "block.1.attention.head.2@3"
    app.jobs.manager.close()
"""


def test_the_example_panel_works_with_no_other_change(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    files = dict(BLOCKS.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert set(files) == {
        "analysis/length.py", "layouts/figures/length.py", "layouts/figures/tables/length.py", "layouts/length.py",
        "callbacks/length.py", "dashboard/panels.py",
    }  # fmt: skip
    panels, added = copy / "dashboard" / "panels.py", files.pop("dashboard/panels.py")
    imports, row = re.findall(r"^import .*\n", added, re.MULTILINE), re.search(r"^    Panel.*\n", added, re.MULTILINE)
    assert row
    for name, code in files.items():
        (copy / name).write_text(code, encoding="utf-8")
    text = panels.read_text(encoding="utf-8")
    text = text.replace("import callbacks.strip\n", f"import callbacks.strip\n{''.join(imports)}")
    panels.write_text(re.sub(r"^\)\n\Z", f"{row[0]})\n", text, flags=re.MULTILINE), encoding="utf-8")
    paths = f"{copy}:{ROOT}"
    script = SCRIPT.format(copy=str(copy))
    command = [sys.executable, "-B", "-c", script]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env={"PYTHONPATH": paths, "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
