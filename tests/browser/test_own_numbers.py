"""Own numbers from a CSV file: read and kept in the browser, drawn as the overview's colours, and refused in words."""

import base64
import csv
import io
import json
import math
import random
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from layouts.architecture import OPENING
from layouts.figures.scene_colors import MOST_LEVEL
from tests.browser.explorer import Explorer, draws_panels

pytestmark = [pytest.mark.browser, pytest.mark.shared_page, pytest.mark.long, pytest.mark.slow]

SECRET = "not-for-the-server"
ATTACK = "<img src=x onerror=window.attacked=1>"
READ = """async (text) => {
  const { explorer } = dash_clientside;
  return explorer.readOwnNumbers(new File([text], "x.csv"), explorer.prompt());
}"""


def open_dialog(explorer: Explorer) -> None:
    """By the menu, or by the button beside it if there are numbers from an earlier test."""
    page = explorer.page
    page.select_option("#overview-color", "own")
    if page.evaluate("sessionStorage.getItem('own-numbers')"):
        page.click("#overview-panel .own-numbers-open")
    expect(page.locator(".modal")).to_be_visible()


def load(explorer: Explorer, text: str) -> None:
    """Choose a file in the dialog."""
    with explorer.page.expect_file_chooser() as chooser:
        explorer.page.click("#own-numbers-choose")
    chooser.value.set_files([{"name": f"{SECRET}.csv", "mimeType": "text/csv", "buffer": text.encode()}])


def reading_of(explorer: Explorer) -> Any:
    return explorer.page.locator("#overview-reading")


def sent(body: str) -> Any:
    """The store in a request that has panels drawn."""
    return next(one.get("value") for one in json.loads(body)["inputs"] if one["id"] == "architecture-own")


def array(packed: Any, name: str, dtype: str) -> Any:
    return np.frombuffer(base64.b64decode(packed[name]), dtype=dtype).reshape(packed["n_blocks"], -1)


def test_a_hostile_file_is_refused_and_shown_as_text(explorer: Explorer) -> None:
    page, found = explorer.page, explorer.page.locator("#own-numbers-found")
    open_dialog(explorer)
    expect(page.locator("#overview-color")).to_have_value(page.input_value("#architecture-color"))
    bodies: list[str] = []
    page.on("request", lambda one: bodies.append(one.post_data or ""))
    load(explorer, f"block,head,value\n0,0,=cmd|' /C calc'!A0\n0,1,{ATTACK}\n0,99,1\n0,0,1\n")
    expect(found).to_contain_text("is in line 2 already")
    expect(found).to_contain_text(f"{SECRET}.csv cannot be used")
    expect(found).to_contain_text("Line 4: there is no head ‘\u206899\u2069’: in this model, heads are 0 to 7.")
    assert "=cmd|' /C calc'!A0" in found.inner_text()
    assert ATTACK in found.inner_text()
    page.click("[data-close-dialog=own-numbers]")
    expect(page.locator(".modal")).to_have_count(0)
    assert page.evaluate("window.attacked") is None
    assert not [body for body in bodies if "calc" in body or "onerror" in body or SECRET in body]


def test_numbers_are_drawn_and_nothing_else_of_the_file_is_sent(explorer: Explorer) -> None:
    page, numbers = explorer.page, random.Random(3)
    bodies: list[str] = []
    page.on("request", lambda one: bodies.append(one.post_data or ""))
    open_dialog(explorer)
    values = {(b, h): round(numbers.gauss(0, 2), 3) for b in range(6) for h in range(8) if (b, h) != (2, 5)}
    rows = [f"{b};{SECRET}{ATTACK};{h};{str(value).replace('.', ',')}" for (b, h), value in values.items()]
    numbers.shuffle(rows)
    load(explorer, "\r\n".join(["\ufeffblock;note;Head;value", *rows, "2;x;5;"]))
    expect(page.locator(".modal")).to_have_count(0)
    (block, head), most = max(values.items(), key=lambda one: abs(one[1]))
    words = f"the strongest is at block {block} head {head} ({most:.3g}); 47 of 48 heads have one."
    expect(reading_of(explorer)).to_contain_text(words.replace("-", "−"))
    explorer.selection()
    cells, boxes = (
        np.array(explorer.data("overview-graph", f"_fullData[0].{name}"), dtype=float) for name in ("z", "customdata")
    )
    for box in range(48):
        value = values.get(divmod(box, 8))
        level = MOST_LEVEL * (0 if value is None else 0.06 + 0.94 * (1 + value / abs(most)) / 2)
        assert np.abs(cells[boxes == box] - level).max() <= 1
    shown = explorer.data("overview-graph", "data[0].meta.values")
    assert shown[2 * 8 + 5] == "no number"
    assert shown[3 * 8 + 1] == pytest.approx(values[3, 1], rel=6e-3)

    assert not [body for body in bodies if SECRET in body or "onerror" in body]
    assert SECRET not in page.url
    drawn = [body for body in bodies if '"output":"..panels.data-selection' in body]
    packed = sent(drawn[-1])
    assert set(packed) == {"kind", "n_blocks", "n_units", "n_given", "values"}
    grid = array(packed, "values", "<f4")
    assert {place: grid[place] for place in values} == {place: np.float32(value) for place, value in values.items()}
    assert np.isnan(grid[2, 5])


@pytest.mark.thorough
def test_numbers_stay_in_the_tab_and_go_when_they_are_forgotten(explorer: Explorer) -> None:
    page = explorer.page
    bodies: list[str] = []
    page.on("request", lambda one: bodies.append(one.post_data or "") if draws_panels(one) else None)
    open_dialog(explorer)
    load(explorer, "block,neuron,value\n3,17,-2\n3,18,1\n0,0,0.5\n")
    words = "the strongest is at block 3 neuron 17 (−2); 3 of 6,144 neurons have one; each tile shows its strongest."
    expect(reading_of(explorer)).to_contain_text(words)
    # Of another model's numbers, only the sizes are sent; with another colouring, nothing.
    script = "(heads) => { const { explorer } = dash_clientside, here = explorer.prompt(); return %s; }"
    away = page.evaluate(script % "explorer.sendOwnNumbers('own', { ...here, n_neurons: 5 }, null)")
    assert away == {"kind": "neuron", "n_blocks": 6, "n_units": 1024, "n_given": 3}
    back = page.evaluate(script % "explorer.sendOwnNumbers('own', here, null)")
    assert back == sent(bodies[-1])
    page.select_option("#overview-color", "kind")
    expect(reading_of(explorer)).to_contain_text("each with 8 attention heads")
    assert sent(bodies[-1]) is None
    page.select_option("#overview-color", "own")
    expect(reading_of(explorer)).to_contain_text(words)
    page.reload()
    expect(reading_of(explorer)).to_contain_text(words)
    page.click("#overview-panel .own-numbers-open")
    page.click("#own-numbers-forget")
    expect(page.locator("#own-numbers-found")).to_have_text("The numbers are forgotten.")
    expect(page.locator("#overview-color")).to_have_value(OPENING)
    page.keyboard.press("Escape")
    assert page.evaluate("sessionStorage.getItem('own-numbers')") is None
    explorer.open(**{"architecture-color": "own"})
    assert "not part of a link" in explorer.notice()
    expect(page.locator("#overview-color")).to_have_value(OPENING)


def test_the_template_names_every_head_and_is_read_once_it_has_a_value(explorer: Explorer) -> None:
    page = explorer.page
    open_dialog(explorer)
    with page.expect_download() as download:
        page.click("[data-template=head]")
    text = download.value.path().read_text()
    page.keyboard.press("Escape")
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"block": str(b), "head": str(h), "value": ""} for b in range(6) for h in range(8)
    ]
    assert page.evaluate(READ, text) == {"faults": ["The file has no number."], "isCut": False}
    assert page.evaluate(READ, text.replace("3,4,", "3,4,1"))["packed"]["n_given"] == 1


def random_file(numbers: random.Random) -> tuple[str, dict[tuple[int, int], float], str]:
    """A right file, its numbers, and "head" or "neuron"."""
    kind, count = numbers.choice([("head", 8), ("neuron", 1024)])
    separator = numbers.choice(",;\t")
    places = numbers.sample([(b, u) for b in range(6) for u in range(count)], numbers.randint(1, 40))
    columns = [*numbers.sample(["block", kind, "value"], 3), *numbers.choice([[], ["note"]])]
    values: dict[tuple[int, int], float] = {}
    lines = [separator.join(columns)]
    for place in places:
        value = numbers.choice([numbers.gauss(0, 1), numbers.uniform(-1e30, 1e30), 0.0, float(numbers.randint(-9, 9))])
        text = numbers.choice([f"{value!r}", f"{value:.3e}", f"{value:+.2f}", f" {value:.4f} "])
        values[place] = float(text)
        if separator != "," and numbers.random() < 0.5:
            text = text.replace(".", ",")
        cells = {"block": str(place[0]), kind: f"{place[1]:03}", "value": text, "note": f'"a{separator}b"'}
        quote = numbers.random() < 0.2
        lines.append(
            separator.join(f'"{cells[name]}"' if quote and name != "note" else cells[name] for name in columns)
        )
        lines += [""] * (numbers.random() < 0.1)
    return numbers.choice(["", "\ufeff"]) + numbers.choice(["\n", "\r\n", "\r"]).join(lines), values, kind


def test_random_files_are_read_as_an_independent_reader_reads_them(explorer: Explorer) -> None:
    numbers = random.Random(7)
    files = [random_file(numbers) for _ in range(150)]
    read = "async (texts) => Promise.all(texts.map(" + READ + "))"
    for (text, values, kind), found in zip(files, explorer.page.evaluate(read, [one[0] for one in files]), strict=True):
        assert "faults" not in found, (found, text)
        packed = found["packed"]
        assert (packed["kind"], packed["n_given"]) == (kind, len(values))
        grid = array(packed, "values", "<f4")
        if kind == "head":
            strongest = values
        else:
            tiles: dict[tuple[int, int], list[tuple[float, int]]] = {}
            for (block, neuron), value in values.items():
                tiles.setdefault((block, neuron // 16), []).append((value, neuron))
            strongest = {}
            for (block, tile), some in tiles.items():
                neuron = 16 * tile + int(array(packed, "neurons", "<u2")[block, tile])
                strongest[block, tile] = max((value for value, _ in some), key=abs)
                assert abs(dict((n, v) for v, n in some)[neuron]) == abs(strongest[block, tile])
        assert int(np.isfinite(grid).sum()) == len(strongest)
        for (block, unit), value in strongest.items():
            assert math.isclose(abs(grid[block, unit]), abs(np.float32(value)), rel_tol=1e-6)


WRONG = [
    ("", "The file is empty"),
    ("\n\n \n", "only empty lines"),
    ("0,0,1\n0,1,2\n", "The first line must name the columns"),
    ("block,head,neuron,value\n", "The first line must name the columns"),
    ("block,head,value,value\n", "The first line must name the columns"),
    ("layer,head,value\n0,0,1\n", "The first line must name the columns"),
    ("block,head,value\n", "The file has no number"),
    ("block,head,value\n0,0,nan", "‘\u2068nan\u2069’ is not a number"),
    ("block,head,value\n0,0,-Infinity", "is infinite"),
    ("block,head,value\n0,0,1e39", "is too large"),
    ("block,head,value\n0,0,0x10", "is not a number"),
    ("block,head,value\n0,0,1 2", "is not a number"),
    ("block;head;value\n0;0;1.234,5", "is not a number"),
    ("block,head,value\n0,0,0,5", "it has 4 columns, the first line has 3; numbers with a decimal comma"),
    ("block,head,value\n0,0", "it has 2 columns"),
    ("block,head,value\n-1,0,1", "the block ‘\u2068-1\u2069’ is not a whole number"),
    ("block,head,value\n1.0,0,1", "is not a whole number"),
    ("block,head,value\n6,0,1", "there is no block ‘\u20686\u2069’: in this model, blocks are 0 to 5"),
    ("block,neuron,value\n0,1024,1", "there is no neuron"),
    ("block,head,value\n0,0,\n0,0,1", "block 0 head 0 is in line 2 already"),
    ("block,head,value\n0,0,\u202e\x00evil", "‘\u2068��evil\u2069’ is not a number"),
    ("block,head,value\n0,0," + "9" * 2000, "longer than 1000 characters"),
]


def test_wrong_files_are_refused_with_the_reason(explorer: Explorer) -> None:
    for text, words in WRONG:
        found = explorer.page.evaluate(READ, text)
        assert words in found["faults"][0]
        assert "packed" not in found


HUGE = """async (kind) => {
  const { explorer } = dash_clientside;
  const rows = "0,0,1\\n".repeat(1e5), blank = "\\n".repeat(1e6), letters = "x".repeat(1e6);
  const parts = { rows: ["block,head,value\\n", ...Array(100).fill(rows)], mb500: [letters],
    blank: ["block,head,value\\n", ...Array(8).fill(blank)], line: ["block,head,value\\n", ...Array(60).fill(letters)],
    bytes: [new Uint8Array(1e6).map((_, n) => n)] };
  const shares = [];
  let nTurns = 0;
  const timer = setInterval(() => { nTurns += 1; });
  const file = new File(parts[kind], "x.csv");
  if (kind === "mb500") Object.defineProperty(file, "size", { value: 5e8 });
  const found = await explorer.readOwnNumbers(file, explorer.prompt(), (share) => shares.push(share));
  clearInterval(timer);
  return { ...found, share: shares.at(-1) ?? 0, nPieces: shares.length, nTurns };
}"""


@pytest.mark.thorough
def test_huge_files_are_refused_after_a_bounded_part_of_them(explorer: Explorer) -> None:
    found = {kind: explorer.page.evaluate(HUGE, kind) for kind in ("rows", "mb500", "blank", "line", "bytes")}
    assert found["rows"]["isCut"]
    assert len(found["rows"]["faults"]) == 100
    assert "in line 2 already" in found["rows"]["faults"][0]
    assert "The file has 500 MB" in found["mb500"]["faults"][0]
    assert "The file has no number" in found["blank"]["faults"][0]
    assert "Line 2 is longer than 1000 characters" in found["line"]["faults"][0]
    assert "not text in UTF-8" in found["bytes"]["faults"][0]
    assert {kind: one["share"] < 0.01 for kind, one in found.items()} == {
        "rows": True, "mb500": True, "blank": False, "line": True, "bytes": True,
    }  # fmt: skip
    assert found["blank"]["nPieces"] > 30
    assert found["blank"]["nTurns"] > 5, "the page answers between the pieces"
