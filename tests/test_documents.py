"""README.md and CONTRIBUTING.md say what the code does: settings, families and their example."""

import ast
import re
from dataclasses import MISSING, fields

from analysis.families import FAMILIES, Family
from dashboard.settings import Settings
from tests.serving import ROOT
from tests.tiny import TINY


def test_the_readme_names_the_settings():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\| (.*?) \|$", readme, re.MULTILINE)
    expected = [
        (
            row.name.upper(),
            f"`{int(row.default) if row.default is True else row.default}`" if row.default != "" else "",
            row.metadata["help"],
        )
        for row in fields(Settings)
    ]
    assert rows == expected


def test_every_family_is_in_the_readme_and_in_the_tests():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert list(TINY) == list(FAMILIES)
    listed = re.search(r"^Supported: (.*?)\. A family is", readme, re.MULTILINE)
    assert listed
    assert re.sub(r" \(.*?\)", "", listed[1]).split(", ") == [family.name for family in FAMILIES.values()]


def test_the_family_that_contributing_adds_is_the_one_in_the_code():
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A new model family\n")[2]
    row, line, *_ = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert eval(f"{{{row}}}", {"Family": Family}) == {"phi": FAMILIES["phi"]}
    assert ast.literal_eval(f"{{{line}}}") == {"phi": TINY["phi"]}
    optional = [field.name for field in fields(Family) if field.default is not MISSING]
    assert [name for name in optional if f"`{name}`" not in section] == []
