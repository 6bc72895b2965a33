"""The page's script reads, writes and merges selection texts as `analysis.selection` defines them.

The script runs in Chromium without a server: all that it needs of the page is the meta element with the grammar.
"""

from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import dashboard
from analysis.errors import SelectionError
from analysis.selection import GRAMMAR, Selection

pytestmark = pytest.mark.browser
SCRIPT = Path(dashboard.__file__).parent / "assets" / "selection_text.js"

NINES = 999_999_999  # the largest number
SELECTIONS: dict[str, dict[str, Any]] = {
    "embedding": {"part": "embedding"},
    "norm": {"part": "norm"},
    "output": {"part": "output"},
    "embedding@0": {"part": "embedding", "position": 0},
    "norm~0": {"part": "norm", "target": 0},
    "output@18~262": {"part": "output", "position": 18, "target": 262},
    "block.0.attention": {"part": "attention", "block": 0},
    "block.12.attention@4": {"part": "attention", "block": 12, "position": 4},
    "block.3.attention.head.0": {"part": "attention", "block": 3, "head": 0},
    "block.3.attention.head.5@4": {"part": "attention", "block": 3, "head": 5, "position": 4},
    "block.3.attention.head.5~17": {"part": "attention", "block": 3, "head": 5, "target": 17},
    "block.3.attention.head.5@4~17": {"part": "attention", "block": 3, "head": 5, "position": 4, "target": 17},
    "block.0.mlp": {"part": "mlp", "block": 0},
    "block.0.mlp~50256": {"part": "mlp", "block": 0, "target": 50256},
    "block.10.mlp.neuron.3071": {"part": "mlp", "block": 10, "neuron": 3071},
    "block.10.mlp.neuron.3071@100~9": {"part": "mlp", "block": 10, "neuron": 3071, "position": 100, "target": 9},
    f"block.{NINES}.mlp.neuron.{NINES}@{NINES}~{NINES}": {
        "part": "mlp", "block": NINES, "neuron": NINES, "position": NINES, "target": NINES
    },
}  # fmt: skip
CHANGES: dict[str, dict[str, Any]] = {
    "@5": {"position": 5},
    "~5": {"target": 5},
    "@0~0": {"position": 0, "target": 0},
    "block.3": {"block": 3},
    "block.3@5": {"block": 3, "position": 5},
    "block.0~7": {"block": 0, "target": 7},
    "block.3@5~7": {"block": 3, "position": 5, "target": 7},
}
NEITHER = [
    "", " ", "\n", "nonsense", "<script>alert(1)</script>",
    # incomplete
    "block", "block.", "block..mlp", "block.3.", "block.3.attention.", "block.3.attention.head", "block.3.mlp.neuron.",
    "@", "~", "norm@", "norm~", "norm@1~", "norm@~1", "@~",
    # in the wrong order or place
    "attention", "mlp", "mlp.neuron.3", "attention.head.1", "3", "3.mlp", "block.3.norm", "block.3.embedding",
    "block.3.mlp.head.1", "block.3.attention.neuron.1", "block.3.attention.head.1.neuron.2", "block.3.head.1",
    "norm~1@2", "@1norm", "~1@2", "block@3", "norm.block.3",
    # trailing and repeated
    "norm@1@2", "norm~1~2", "norm@1 ", " norm", "norm\n", "norm@1\n", "\nnorm", "norm\x00", "norm@1\r", "norm\u2028",
    "output;", "block.3.mlpx", "normnorm", "block.3block.3",
    # numbers
    "block.01.mlp", "block.00", "@007", "~00", "block.-1.mlp", "block.+1.mlp", "block.1.5.mlp", "block.1e3.mlp",
    "block.0x1.mlp", "block.1_0.mlp", "block.٣.mlp", "block.³", "@５", "norm@1000000000", "block.9999999999.mlp",
    "@" + "9" * 5000,
    # case
    "NORM", "Block.3.mlp", "block.3.MLP",
]  # fmt: skip


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """An empty page with the script."""
    page = browser.new_page()
    page.set_content(f'<meta name="selection-grammar" content="{escape(GRAMMAR)}">')
    page.add_script_tag(path=SCRIPT)
    yield page
    page.close()


def in_javascript(page: Page, texts: list[str]) -> list[dict[str, Any] | None]:
    """What the script parses each text as: the fields that are named."""
    parsed = page.evaluate("(texts) => texts.map(dash_clientside.explorer.parseSelection)", texts)
    return [one and named(one) for one in parsed]


def in_python(text: str) -> dict[str, Any] | None:
    """The fields that a selection's text names; None for any other text."""
    try:
        return named(asdict(Selection.parse(text)))
    except SelectionError:
        return None


def named(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def test_both_languages_parse_selections(page: Page) -> None:
    assert in_javascript(page, list(SELECTIONS)) == list(SELECTIONS.values())
    assert [in_python(text) for text in SELECTIONS] == list(SELECTIONS.values())


def test_changes_are_parsed_by_the_page_alone(page: Page) -> None:
    assert in_javascript(page, list(CHANGES)) == list(CHANGES.values())
    assert {in_python(text) for text in CHANGES} == {None}


def test_both_languages_refuse_other_texts(page: Page) -> None:
    parsed = dict(zip(NEITHER, in_javascript(page, NEITHER), strict=True))
    assert {text: fields for text, fields in parsed.items() if fields is not None} == {}
    assert [text for text in NEITHER if in_python(text) is not None] == []


def test_both_languages_agree_on_all_texts_one_edit_away(page: Page) -> None:
    """Each character of each selection deleted, replaced and preceded by others."""
    texts = {
        text[:n] + inserted + text[end:]
        for text in SELECTIONS
        for n in range(len(text) + 1)
        for inserted in ("", *"09.@~ bm\n\u2028٣")
        for end in (n, n + 1)
    }
    parsed = dict(zip(texts, in_javascript(page, list(texts)), strict=True))
    whole = {text: fields for text, fields in parsed.items() if fields and "part" in fields}
    read = {text: fields for text in texts if (fields := in_python(text))}
    assert len(texts) > 5000
    assert len(read) > len(SELECTIONS)
    assert whole == read


def test_writing_inverts_parsing(page: Page) -> None:
    script = """(texts) => {
      const { parseSelection, writeSelection } = dash_clientside.explorer;
      return texts.map((text) => writeSelection(parseSelection(text)));
    }"""
    assert page.evaluate(script, list(SELECTIONS)) == list(SELECTIONS)


HEAD, NEURON = "block.1.attention.head.2@0~4", "block.2.mlp.neuron.9@6~8"


@pytest.mark.parametrize(
    ("current", "change", "last_in_block", "merged"),
    [
        # What is not named is kept.
        (HEAD, "@5", None, "block.1.attention.head.2@5~4"),
        (HEAD, "~5", None, "block.1.attention.head.2@0~5"),
        (HEAD, "@5~6", None, "block.1.attention.head.2@5~6"),
        (HEAD, "block.3.mlp", None, "block.3.mlp@0~4"),
        (HEAD, "block.3.mlp.neuron.7@5", None, "block.3.mlp.neuron.7@5~4"),
        (HEAD, "embedding", None, "embedding@0~4"),
        (HEAD, "output@1~2", None, "output@1~2"),
        ("norm", "block.0.attention", NEURON, "block.0.attention"),
        # A block alone keeps the head or neuron.
        ("block.1.attention.head.2@0", "block.3@5", None, "block.3.attention.head.2@5"),
        (HEAD, "block.3", NEURON, "block.3.attention.head.2@0~4"),
        (HEAD, "block.0@5~6", None, "block.0.attention.head.2@5~6"),
        (NEURON, "block.0", HEAD, "block.0.mlp.neuron.9@6~8"),
        ("block.1.mlp", "block.3", HEAD, "block.3.mlp"),
        # Outside the blocks, a block alone selects the part that was last selected in one, or else the attention.
        ("embedding@1", "block.3@5", NEURON, "block.3.mlp.neuron.9@5"),
        ("norm@1", "block.3", HEAD, "block.3.attention.head.2@1"),
        ("output", "block.3~7", NEURON, "block.3.mlp.neuron.9~7"),
        ("output@1", "block.3", None, "block.3.attention@1"),
    ],
)
def test_merging(page: Page, current: str, change: str, last_in_block: str | None, merged: str) -> None:
    script = """(texts) => {
      const { parseSelection, mergeSelection, writeSelection } = dash_clientside.explorer;
      return writeSelection(mergeSelection(...texts.map(parseSelection)));
    }"""
    assert page.evaluate(script, [current, change, last_in_block]) == merged
