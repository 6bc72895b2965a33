"""What a panel saves: the numbers of its picture with all that computes them again, and CSV that runs nothing."""

import csv
import io
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from analysis.models.forward import compute_trace
from analysis.numerics.arrays import digest
from analysis.trace import Prompt, Trace
from dashboard.app import create_app
from dashboard.panels import PANELS
from dashboard.settings import Settings
from layouts.export import NUMBERS
from tests.page import Page, of_app
from tests.serving import wait_until
from tests.tiny import make_tiny

TEXT, OTHER = "=1+1 @x +2 -3 <b>the", "=2+1 @x +2 -3 <b>the"
SELECTION = "block.1.attention.head.2@4"
NAMES = [panel.name for panel in PANELS if panel.name != "saliency"]  # which a job has to compute first
MODEL = make_tiny("gpt2")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    app = create_app(Settings(cache_dir=str(tmp_path_factory.mktemp("cache"))), models={"tiny": MODEL})
    page = of_app(app.server)
    page.values["prompt", "data"] = {"model": "tiny", "text": TEXT, "start": False}
    page.set("selection", "data", SELECTION)
    yield page
    app.jobs.manager.close()


@pytest.fixture(scope="module")
def trace() -> Trace:
    return compute_trace(MODEL, Prompt("tiny", TEXT))


def saved(page: Page, panel: str, kind: str) -> bytes:
    page.set("export-request", "data", {"panel": panel, "kind": kind, "name": f"{panel}_x"})
    sent = page.values["export-download", "data"]
    assert sent["filename"] == f"{panel}_x.{ {'csv': 'zip'}.get(kind, kind) }"
    return b64decode(sent["content"])


def as_json(page: Page, panel: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The file, and its arrays after their digests have been checked."""
    found = json.loads(saved(page, panel, "json"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    arrays = {}
    for name, entry in found["arrays"].items():
        arrays[name] = np.array(entry["values"]).astype(entry["dtype"]).reshape(entry["shape"])
        assert digest(arrays[name]) == entry["sha256"], name
    return found, arrays


def as_csv(page: Page, panel: str) -> dict[str, list[dict[str, str]]]:
    with ZipFile(io.BytesIO(saved(page, panel, "csv"))) as archive:
        texts = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    assert json.loads(texts.pop("about.json"))["panel"] == panel
    return {name: list(csv.DictReader(io.StringIO(text, newline=""))) for name, text in texts.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_what_its_numbers_are_of(page: Page, trace: Trace, name: str) -> None:
    found, arrays = as_json(page, name)
    asked = found["A"]
    assert (asked["model"], asked["text"], asked["fingerprint"]) == ("tiny", TEXT, trace.info.fingerprint)
    assert [token["id"] for token in asked["tokens"]] == trace.token_ids.tolist()
    assert (found["B"], found["side"], found["selection"]["text"]) == (None, "A", SELECTION)
    assert found["versions"]["torch"] == torch.__version__
    assert {"captum", "numpy", "transformers", "Python"} <= found["versions"].keys()
    assert arrays


def test_the_numbers_are_those_of_the_trace(page: Page, trace: Trace) -> None:
    found, arrays = as_json(page, "attention")
    assert found["settings"] == {"view": "raw"}
    np.testing.assert_array_equal(arrays["attention.grid"], trace.attention(1)[2])
    np.testing.assert_array_equal(arrays["attention.heads"], trace.attention(1))
    streams = [trace.residual(depth) for depth in range(trace.info.n_blocks + 1)]
    _, arrays = as_json(page, "activation")
    norms = np.stack([np.linalg.norm(stream, axis=1) for stream in streams], axis=1)
    np.testing.assert_allclose(arrays["activation.stream"], norms, rtol=1e-5)
    shares = torch.tensor(MODEL.logits(trace, slice(None))).double().log_softmax(-1)
    surprisal = [-float(shares[n, token]) / np.log(2) for n, token in enumerate(trace.token_ids[1:])]
    _, arrays = as_json(page, "strip")
    np.testing.assert_allclose(arrays["strip.surprisal"][1:], surprisal, rtol=1e-4)


def test_tables_have_the_same_numbers(page: Page, trace: Trace) -> None:
    tables = as_csv(page, "attention")
    weights, labels = trace.attention(1), [token.label for token in trace.tokens]
    assert len(tables["heads.csv"]) == len(weights) * trace.n_positions * (trace.n_positions + 1) // 2
    for row in tables["heads.csv"]:
        head, query, key = (int(row[name]) for name in ("head", "query position", "key position"))
        assert np.float32(row["attention"]) == weights[head, query, key]
        assert json.loads(row["key token"]) == labels[key]
    assert {row["head"] for row in tables["attention.csv"]} == {"2"}
    _, arrays = as_json(page, "logit_lens")
    for row in as_csv(page, "logit_lens")["logit-lens.csv"]:
        cell = int(row["blocks passed"]), int(row["position"])
        assert int(row["most probable token id"]) == arrays["logit_lens.cells.top"][cell]
        assert np.float32(row["probability"]) == arrays["logit_lens.cells.probabilities"][cell]
    _, arrays = as_json(page, "attribution")
    parts = as_csv(page, "attribution")["parts.csv"]
    total = sum(float(row["share in logits"]) for row in parts)
    assert total == pytest.approx(float(arrays["attribution.logit"]), abs=1e-3)
    shares = {(int(row["block"]), int(row["head"])): row["share in logits"] for row in parts if row["head"]}
    assert {at: float(share) for at, share in shares.items()} == dict(np.ndenumerate(arrays["attribution.heads"]))


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_of_any_table_is_a_formula(page: Page, name: str) -> None:
    tables = as_csv(page, name)
    assert tables
    for rows in tables.values():
        assert rows
        for row in rows:
            assert None not in row, "a row has more cells than columns"
            for cell in [*row, *row.values()]:
                assert not re.match(r"[=@\t\r]|[+-](?![\d.]|inf$)", cell), cell


@pytest.mark.parametrize("name", NAMES)
def test_the_dialog_has_the_first_rows_of_the_same_tables(page: Page, name: str) -> None:
    page.set("export-request", "data", {"panel": name, "kind": "table", "name": "x"})
    shown = page.values["export-tables", "data"]["tables"]
    tables = as_csv(page, name)
    assert len(shown) == len(tables)
    for table, rows in zip(shown, tables.values(), strict=True):
        assert [column["name"] for column in table["columns"]] == list(rows[0])
        assert len(table["rows"]) == min(300, len(rows))
        assert ("The first 300" in table["caption"]) == (len(rows) > 300)


def test_a_minus_b(page: Page, trace: Trace) -> None:
    other = compute_trace(MODEL, Prompt("tiny", OTHER))
    assert other.n_positions == trace.n_positions
    page.values["other", "data"] = {"model": "tiny", "text": OTHER, "start": False}
    page.values["compare-side", "value"] = "difference"
    try:
        found, arrays = as_json(page, "attention")
        assert (found["side"], found["B"]["text"]) == ("A − B", OTHER)
        assert [token["id"] for token in found["B"]["tokens"]] == other.token_ids.tolist()
        difference = trace.attention(1)[2] - other.attention(1)[2]
        np.testing.assert_allclose(arrays["difference.grid"], difference, atol=1e-7)
        assert as_json(page, "continuation")[0]["side"] == "A"  # it continues A alone
        for name in NAMES:
            assert as_csv(page, name), name
        page.values["compare-side", "value"] = "b"
        found, arrays = as_json(page, "attention")
        assert found["side"] == "B"
        np.testing.assert_array_equal(arrays["attention.grid"], other.attention(1)[2])
    finally:
        page.values["other", "data"], page.values["compare-side", "value"] = None, "a"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"panel": "attention", "kind": "json", "name": "../x"}, "cannot be saved in this form"),
        ({"panel": "attention", "kind": "png", "name": "x"}, "cannot be saved in this form"),
        ({"panel": "nothing", "kind": "json", "name": "x"}, "There is no such panel"),
        ({"panel": ["attention"], "kind": {}, "name": 3}, "There is no such panel"),
        ("attention", "There is no such panel"),
    ],
)
def test_what_cannot_be_saved_is_said(page: Page, request_: Any, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        page.set("export-request", "data", request_)


@pytest.mark.parametrize("kind", NUMBERS)
def test_no_columns_are_made_of_too_many_numbers(page: Page, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("callbacks.export._MOST_NUMBERS", 100)
    monkeypatch.setattr("layouts.figures.tables.attention.token_columns", None)
    with pytest.raises(AssertionError, match="numbers; 100 can be saved"):
        page.set("export-request", "data", {"panel": "attention", "kind": kind, "name": "x"})


def test_attributions_are_saved_once_they_are_computed(page: Page) -> None:
    with pytest.raises(AssertionError, match="has no complete numbers to save"):
        saved(page, "saliency", "csv")
    job = page.start_job("saliency", page.job_question("saliency"))
    wait_until(lambda: job.outcome() is not None, 60)
    _, arrays = as_json(page, "saliency")
    tables = as_csv(page, "saliency")
    shown = [np.float32(row["attribution"]) for row in tables["attributions.csv"]]
    np.testing.assert_array_equal(shown, arrays["saliency.attributions"])
    change = float(arrays["saliency.value"] - arrays["saliency.base"])
    assert sum(map(float, shown)) == pytest.approx(change, rel=0.05)
