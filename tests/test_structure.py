"""Structure of the project: allowed imports, the files of a panel, and documents that agree with the code."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("analysis", "layouts", "callbacks", "dashboard")
IN_FOLDERS = sorted(path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
NOTEBOOK = [f"visualize{part}.py" for part in ("", "_causes", "_comparison", "_generation", "_scene")]
SOURCES = [*IN_FOLDERS, *NOTEBOOK]
TESTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))

READ_ENVIRONMENT = ("dashboard/settings.py", "analysis/models/open.py")

# What each folder may import at run time besides Python's own; the longest prefix of a file's path is its row.
MAY_IMPORT = {
    "analysis/": {"analysis", "torch", "numpy", "sklearn", "threadpoolctl"},  # which comes with sklearn
    "analysis/machine/": {"torch", "threadpoolctl", "psutil"},
    "analysis/models/": {"analysis", "torch", "numpy", "transformers", "huggingface_hub", "httpx2", "safetensors"},
    "analysis/checkpoints/": {"analysis.errors", "analysis.families", "analysis.checkpoints", "torch", "numpy",
                              "transformers", "gguf", "safetensors"},
    "analysis/storage/": {"analysis", "torch", "numpy", "safetensors"},
    "analysis/saliency_methods/": {"analysis", "torch", "numpy", "captum"},
    "analysis/causes/": {"analysis", "torch", "numpy"},
    "analysis/comparison/": {"analysis", "numpy"},
    "analysis/lessons/": {"analysis", "torch", "numpy"},
    "analysis/generation/": {"analysis", "torch", "numpy"},
    "analysis/bundled/": {
        "analysis", "torch", "numpy", "transformers", "tokenizers", "huggingface_hub", "safetensors",
    },
    "layouts/": {"layouts", "dash", "dash_bootstrap_components"},
    "layouts/figures/": {"layouts.theme", "layouts.figures", "plotly", "numpy"},
    "callbacks/": {
        "analysis", "layouts", "dash",
        "callbacks.coloring", "callbacks.panel", "callbacks.services", "callbacks.sides", "callbacks.target",
        "callbacks.effect_difference", "callbacks.removals",
    },
    "dashboard/": {
        "analysis", "layouts", "callbacks", "dashboard", "dash", "flask", "orjson", "plotly", "tqdm", "werkzeug",
    },
    "dashboard/jobs/": {
        "analysis", "layouts.job", "dash", "diskcache", "numpy", "safetensors", "psutil", "redis", "celery", "kombu",
        "dashboard.jobs", "dashboard.errors", "dashboard.storage", "dashboard.settings",
    },
    "dashboard/models/": {"analysis", "dashboard"},
    "dashboard/monitoring/": {
        "analysis.errors", "dashboard.jobs.events", "dashboard.monitoring", "dashboard.web", "flask",
        "prometheus_client", "psutil",
    },
    "dashboard/serving/": {"analysis", "dashboard", "celery", "dash", "flask", "gunicorn"},
    "dashboard/snapshot/": {"analysis", "layouts", "callbacks", "dashboard", "dash", "plotly", "tqdm"},
    "dashboard/storage/": {"analysis.errors", "cachetools"},
    "dashboard/web/": {
        "layouts", "dashboard.errors", "dashboard.storage", "dashboard.settings", "dashboard.web", "dash", "flask",
        "flask_compress", "limits", "orjson", "secure", "werkzeug",
    },
    "visualize.py": {
        "analysis", "layouts.figures", "plotly",
        "visualize_causes", "visualize_comparison", "visualize_generation", "visualize_scene",
    },
    "visualize_causes.py": {"analysis", "layouts.figures", "plotly", "visualize_comparison"},
    "visualize_comparison.py": {"analysis", "layouts.figures", "plotly"},
    "visualize_generation.py": {"analysis", "layouts.figures"},
    "visualize_scene.py": {"analysis", "layouts.figures", "plotly", "visualize_comparison"},
}  # fmt: skip


def imports(tree: ast.AST, *, typing_only: bool = False) -> Iterator[str]:
    """Full names of all modules imported, within functions too; without `if TYPE_CHECKING`, or only from there."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            if typing_only:
                yield from imports(node)
        elif isinstance(node, ast.Import) and not typing_only:
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not typing_only:
            assert node.level == 0, "imports name the whole path"
            # `from layouts import ids` imports the module layouts.ids.
            yield from (f"{node.module}.{name.name}" for name in node.names)
        else:
            yield from imports(node, typing_only=typing_only)


@cache
def text_of(source: str) -> str:
    return (ROOT / source).read_text(encoding="utf-8")


@cache
def tree_of(source: str) -> ast.Module:
    return ast.parse(text_of(source))


def own(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] not in sys.stdlib_module_names


def test_the_reader_of_imports_reads_them():
    tree = ast.parse(
        "import a.b\nfrom c.d import e\nif TYPE_CHECKING:\n    import f\ndef g():\n    from h import i\n"
        "try:\n    import j\nexcept ImportError:\n    pass\n"
    )
    assert list(imports(tree)) == ["a.b", "c.d.e", "h.i", "j"]
    assert list(imports(tree, typing_only=True)) == ["f"]


def violations(files: Iterable[str], wrong: Callable[[str], Any]) -> dict[str, Any]:
    """What is wrong, by file. One test looks at all: a test for each file would take longer to start than to run."""
    found = {file: wrong(file) for file in files}
    assert len(found) > 10
    return {file: what for file, what in found.items() if what}


def test_each_folder_imports_only_what_it_may():
    def wrong(source: str) -> list[str]:
        row = max((prefix for prefix in MAY_IMPORT if source.startswith(prefix)), key=len)
        used = [name for name in imports(tree_of(source)) if own(name)]
        return [name for name in used if not any(f"{name}.".startswith(f"{may}.") for may in MAY_IMPORT[row])]

    assert violations(SOURCES, wrong) == {}


def test_types_too_are_known_only_downwards():
    """analysis < layouts < callbacks < dashboard, for `if TYPE_CHECKING` as well."""

    def wrong(source: str) -> list[str]:
        rank = FOLDERS.index(source.split("/", maxsplit=1)[0])
        typed = [name.split(".")[0] for name in imports(tree_of(source), typing_only=True)]
        return [name for name in typed if name in FOLDERS and FOLDERS.index(name) > rank]

    assert violations(IN_FOLDERS, wrong) == {}


def graph_of_imports() -> dict[str, set[str]]:
    """Modules of ours, and those that each imports in any way: at run time, in functions, for types only."""
    modules = {source.removesuffix(".py").removesuffix("/__init__").replace("/", "."): source for source in SOURCES}
    found = {}
    for module, source in modules.items():
        tree = tree_of(source)
        names = {*imports(tree), *imports(tree, typing_only=True)}
        # Of `from layouts import ids`, the module is layouts.ids; of `from layouts.ids import THEME`, layouts.ids, too.
        reached = {name if name in modules else name.rpartition(".")[0] for name in names}
        found[module] = reached & modules.keys() - {module}
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that all import each other, directly or by way of others."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        ahead = [start]
        while ahead:
            new = graph[ahead.pop()] - found
            found |= new
            ahead += new
        return found

    behind = {module: reached(module) for module in graph}
    groups = {tuple(sorted(a for a in behind[m] if m in behind[a])) for m in graph if m in behind[m]}
    return sorted(map(list, groups))


def test_no_modules_import_each_other_in_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}) == [["b", "c"]]
    graph = graph_of_imports()
    assert "analysis.errors" in graph["dashboard.app"]
    assert circles(graph) == []


@pytest.mark.parametrize(("folder", "most"), [("analysis", 20), ("dashboard", 14)])
def test_no_folder_has_many_modules(folder: str, most: int):
    """`__init__.py` counts, too."""
    counts = Counter(source.rpartition("/")[0] for source in IN_FOLDERS if source.startswith(f"{folder}/"))
    assert counts[folder] > 10
    assert {name: n for name, n in counts.items() if n > most} == {}


def names_of_types(tree: ast.AST) -> Iterator[str]:
    """Classes, within functions too, and aliases of types (`Name = ...`), without the underscore of private ones."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name.lstrip("_")
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id.lstrip("_")
            if name[:1].isupper() and not name.isupper() and "_" not in name:
                yield name


def test_no_two_classes_have_one_name():
    tree = ast.parse("class _A:\n    N = 1\ndef f():\n    class A: ...\nBoth = int | str\nMAX_N = 1\nn = 2\n")
    assert sorted(names_of_types(tree)) == ["A", "A", "Both"]
    counts = Counter(name for source in SOURCES for name in names_of_types(tree_of(source)))
    assert counts["Selection"] == 1
    assert {name: n for name, n in counts.items() if n > 1} == {}


@pytest.mark.parametrize("module", ["errors", "families", "model_info", "selection", "tokens", "trace"])
def test_plain_data_needs_neither_torch_nor_a_model(module: str):
    """In a process of its own, as this one has imported torch."""
    program = f"import sys, analysis.{module}; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    imported = set(loaded.splitlines())
    assert f"analysis.{module}" in imported
    assert not [name for name in imported if name == "torch" or name.startswith(("transformers", "analysis.models"))]


def test_nothing_but_the_settings_and_the_notebook_reads_the_environment():
    found = violations(SOURCES, lambda source: re.findall(r"os\.environ|getenv|from os import", text_of(source)))
    assert sorted(found) == sorted(READ_ENVIRONMENT)


def test_callbacks_catch_nothing():
    def wrong(source: str) -> list[int]:
        return [node.lineno for node in ast.walk(tree_of(source)) if isinstance(node, ast.Try)]

    assert violations((source for source in SOURCES if source.startswith("callbacks/")), wrong) == {}


def test_every_output_has_one_writer_and_every_callback_one_app():
    names = r"allow_duplicate|suppress_callback_exceptions|@(?:dash\.)?callback\b|import (?:clientside_)?callback\b"
    assert violations(SOURCES, lambda source: re.findall(names, text_of(source))) == {}


def test_no_file_is_long():
    assert violations((*SOURCES, *TESTS), lambda source: max(0, len(text_of(source).splitlines()) - 300)) == {}


def test_every_module_says_what_it_is():
    assert violations(SOURCES, lambda source: not ast.get_docstring(tree_of(source))) == {}


# Tests and documents.


def test_tests_mirror_the_tree():
    """`test_x.py`, or `test_x_more.py`, stands where `x.py` does."""

    def wrong(test: str) -> bool:
        folder, stem = Path(test).parent.relative_to("tests"), Path(test).stem.removeprefix("test_")
        if not folder.parts or folder.parts[0] not in FOLDERS:
            return False
        beside = [path.stem.strip("_") for path in (ROOT / folder).glob("*.py")] + ["app"]
        return not any(stem == name or stem.startswith(f"{name}_") for name in beside)

    assert violations((test for test in TESTS if Path(test).stem.startswith("test_")), wrong) == {}


def test_every_folder_of_tests_is_a_package():
    folders = {Path(test).parent for test in TESTS}
    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()] == []


def test_the_top_level_is_what_the_design_says():
    files = {"Procfile", "requirements.txt", "README.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml", "Makefile"}
    files |= {*NOTEBOOK}
    seen = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "__"))}
    assert seen - files - {*FOLDERS, "tests"} == set()
