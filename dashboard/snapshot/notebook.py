"""Notebook of a view: cells that compute and draw the visible panels with `visualize`, and compare all arrays with the
page's by their digests.

Whatever a visitor or a file has named is written as a Python literal, so that no text can become code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.errors import AnalysisError
from analysis.numerics.arrays import arrays_of, digest
from analysis.trace import SWITCHES, Prompt
from dashboard.snapshot.address import PageQuestion
from dashboard.snapshot.calls import Call, argument, calls_of
from dashboard.snapshot.draw import Snapshots
from layouts import effect
from layouts.architecture import COLOR_BY

_INTRODUCTION = """# A view of the LLM Architecture Explorer

This notebook computes again what the page showed, and draws it with `visualize`. It runs where the explorer does:

1. Install the explorer's `requirements.txt`, and `jupyter`, into one environment.
2. Put this notebook into the explorer's folder, which has `visualize.py`, or change `EXPLORER` below.
3. Run all cells. The last one compares every array with the page's.

The model is opened by the name that it has on the page: it must be on this machine."""

_NO_OWN = "\n\nYour own numbers are not part of a notebook."

_IMPORTS = """import sys
from pathlib import Path

EXPLORER = Path.cwd()  # the folder of the LLM Architecture Explorer
sys.path.insert(0, str(EXPLORER))

import visualize
from analysis.machine.threads import use_one_thread, use_threads
from analysis.models.open import open_model
from analysis.numerics.arrays import arrays_of, digest

use_one_thread()  # as on the page: with another number of threads, the last digits differ
figures = {}"""

_COMPARE = """n_equal = n_all = 0
for name, arrays in page.items():
    here = arrays_of(figures[name].results)
    for array, sha256 in arrays.items():
        found = digest(here[array]) if array in here else "missing"
        n_all, n_equal = n_all + 1, n_equal + (found == sha256)
        print("equal    " if found == sha256 else "DIFFERENT", found, name, array)
print(f"{n_equal} of {n_all} arrays are equal to the page's, bit by bit.")"""

_NO_FIGURE = "Nothing that the page shows can be drawn in a notebook yet. Compute it first, or show other panels."


def notebook(snapshots: Snapshots, question: PageQuestion, visible: Sequence[str]) -> dict[str, Any]:
    """The notebook as JSON in the format 4.5. visible: the names of the panels that the page shows.

    Raises: AnalysisError if no panel can be drawn.
    """
    sources: list[str] = []
    digests: dict[str, dict[str, str]] = {}
    for panel in visible:
        drawn, n_threads = snapshots.results(panel, question)
        for call in calls_of(panel, drawn):
            if call.from_job and n_threads == 0:
                continue
            sources.append(_cell(call, question, n_threads if call.from_job else 1))
            if call.results:
                kept = {result: drawn.results[result] for result in call.results if result in drawn.results}
                digests[call.name] = {array: digest(values) for array, values in arrays_of(kept).items()}
    if not sources:
        raise AnalysisError(_NO_FIGURE)
    setup = _question_cell(question, snapshots.fingerprint(question))
    compare = f"page = {_literal(digests)}"
    cells = [
        _markdown(_INTRODUCTION + (_NO_OWN if question.settings[COLOR_BY] == "own" else "")),
        *map(_code, (_IMPORTS, setup, *sources)),
        _markdown("SHA-256 digests of the page's arrays, as its JSON export has them."),
        *map(_code, (compare, _COMPARE)),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    numbered = [{"id": f"cell-{number}", **cell} for number, cell in enumerate(cells)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": numbered}


def _question_cell(question: PageQuestion, fingerprint: str) -> str:
    lines = [f"model = {question.prompt.model!r}", f"text = {_text(question.prompt)}"]
    if other := _other_text(question):
        lines.append(f"other = {_text(other)}")
    return "\n".join(
        [
            *lines,
            "visualize.use(model)",
            f"same = open_model(model).info.fingerprint == {fingerprint!r}",
            'print("The weights are those of the page." if same else "These are other weights than on the page.")',
        ]
    )


def _other_text(question: PageQuestion) -> Prompt | None:
    """The text that the shown one is compared with, or into which values are patched."""
    if question.other is not None:
        return question.other
    is_patched = question.settings[effect.GRID] != "removals"
    return question.compared[1] if question.compared and question.side == "a" and is_patched else None


def _text(prompt: Prompt) -> str:
    more: dict[str, Any] = {name: True for name in SWITCHES if getattr(prompt, name)}
    if prompt.written:
        more["written"] = list(prompt.written)
    return f"visualize.Sentence({_arguments([prompt.text], more)})" if more else repr(prompt.text)


def _cell(call: Call, question: PageQuestion, n_threads: int) -> str:
    """A cell that draws, keeps and shows one figure."""
    given = {key: argument(value) for key, value in call.arguments.items()}
    given = {key: value for key, value in given.items() if value is not ...}
    names = ["text", "other"] if call.patches else ["text"]
    compared = []
    if question.other is not None and call.results:
        compared = ["compare=other"]
        if question.other.model != question.prompt.model:
            compared.append(f"compare_model={question.other.model!r}")
    inside = ", ".join([*names, *([_arguments([], given)] if given else []), *compared])
    figure = f"figures[{call.name!r}]"
    lines = [f"{figure} = visualize.{call.function}({inside})", figure]
    if n_threads > 1:
        lines = [f"use_threads({n_threads})  # as the server did for this", lines[0], "use_one_thread()", lines[1]]
    return "\n".join(lines)


def _arguments(given: Sequence[Any], named: Mapping[str, Any]) -> str:
    return ", ".join([*map(repr, given), *(f"{name}={value!r}" for name, value in named.items())])


def _literal(digests: Mapping[str, Mapping[str, str]]) -> str:
    rows = [
        f"    {name!r}: {{\n"
        + "".join(f"        {array!r}: {value!r},\n" for array, value in arrays.items())
        + "    },"
        for name, arrays in digests.items()
    ]
    return "\n".join(["{", *rows, "}"])


def _code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}
