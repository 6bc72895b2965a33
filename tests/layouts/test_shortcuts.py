"""The list of keyboard shortcuts agrees with the page's scripts."""

import re
from collections import defaultdict
from pathlib import Path

from layouts.shortcuts import SHORTCUTS, shortcuts_dialog
from tests.layouts.texts import texts

SCRIPTS = Path(__file__).parents[2] / "dashboard" / "assets"
KEYS = r"\b(Arrow(?:Left|Right|Up|Down)|Enter|Escape|Home|End|PageUp|PageDown)\b|key !== \"(\?)\""


def test_the_list_has_the_keys_that_scripts_read_and_no_others() -> None:
    read = {}
    for path in SCRIPTS.glob("*.js"):
        text = re.sub(r"/\*(?s:.*?)\*/|// .*", "", path.read_text(encoding="utf-8"))  # without comments
        found = {"".join(names) for names in re.findall(KEYS, text)}
        if '"keydown"' in text and found:
            read[path.name] = found
    assert len(read) > 5
    listed = defaultdict(set)
    for one in SHORTCUTS:
        for script in one.scripts.split():
            listed[script] |= set(one.keys)
    assert dict(listed) == read


def test_every_row_says_what_the_keys_do() -> None:
    words = texts([shortcuts_dialog()])
    for one in SHORTCUTS:
        assert one.does in words
    assert "?" in words
