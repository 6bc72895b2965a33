"""The words of the dialog "Open another model"."""

from dataclasses import replace

import pytest

from analysis.models.catalogue import Outline, builtin_configuration, make_outline
from analysis.models.hub import HubModel
from dashboard.models.opener import FoundModel
from layouts.models import MODEL, OPEN_ANOTHER, options
from layouts.open_model import DIALOG, FOUND, OPEN, SOURCE, button_words, dialog, found_words
from tests.serving import ROOT

GB = 10**9
MEMORY = {"allowed_bytes": 8 * GB, "total_bytes": 16 * GB, "free_bytes": 4 * GB}


@pytest.fixture(scope="module")
def outline() -> Outline:
    """That of gpt2-medium, whose weights take 1.42 GB."""
    source = HubModel("gpt2-medium")
    return make_outline(builtin_configuration(source), source)


@pytest.fixture(scope="module")
def found(outline: Outline) -> FoundModel:
    return FoundModel("", "step-500", "/runs/step-500", outline, **MEMORY)


def test_what_is_known_before_it_is_opened(found: FoundModel) -> None:
    words = str(found_words(found))
    for fact in (
        "step-500",
        "GPT-2: 24 blocks, 16 heads each, width 1,024",
        "355 million (354,823,168)",
        "1,024 tokens",
        "On this machine",
        "1.42 GB needed. This machine has 16 GB, of which 4 GB are free.",
        "/runs/step-500",
    ):
        assert fact in words
    assert button_words(found) == "Open"
    assert "open-model-problem" not in words


def test_a_download_is_announced(found: FoundModel) -> None:
    other = replace(found, where="", download_bytes=1_520_000_000)
    assert "1.52 GB to download" in str(found_words(other))
    assert "Read from" not in str(found_words(other))
    assert button_words(other) == "Download 1.52 GB and open"


@pytest.mark.parametrize(
    ("memory", "words", "button"),
    [
        ({"total_bytes": GB, "allowed_bytes": GB}, "need more memory than this machine has", "Show its architecture"),
        (
            {"allowed_bytes": GB},
            "need more memory than the 1 GB that the server may use for it (MODEL_MEMORY_MB)",
            "Show its architecture",
        ),
        ({"free_bytes": GB}, "needs more memory than is free now: close other programs", "Download 1.52 GB and open"),
    ],
)
def test_too_little_memory_is_said(found: FoundModel, memory: dict[str, int], words: str, button: str) -> None:
    scarce = replace(found, download_bytes=1_520_000_000, **memory)
    assert words in str(found_words(scarce))
    assert button_words(scarce) == button


def test_weights_that_were_quantized_are_called_so(found: FoundModel) -> None:
    assert found.outline
    outline = replace(found.outline, info=replace(found.outline.info, weights_note="4-bit weights, dequantized"))
    assert "On this machine: 4-bit weights, dequantized" in str(found_words(replace(found, outline=outline)))


def test_a_reason_stands_alone() -> None:
    refused = FoundModel("There is no folder <b>x</b>.")
    (words,) = found_words(refused)
    assert words.children == "There is no folder <b>x</b>."
    assert button_words(refused) == "Open"


def test_the_dialog_opens_closed_and_labelled() -> None:
    modal = dialog()
    assert not modal.is_open
    assert modal[OPEN].disabled
    assert modal[FOUND].role == "status"
    assert modal[modal.labelledby].children == "Open another model"
    assert [part.htmlFor for part in modal._traverse() if getattr(part, "htmlFor", None)] == [SOURCE]


def test_the_menu_ends_with_it_only_where_models_can_be_opened() -> None:
    assert options([], opens_models=True) == [{"value": OPEN_ANOTHER, "label": "Open another…"}]
    assert options([]) == []


def test_the_pages_script_uses_the_same_names() -> None:
    script = (ROOT / "dashboard" / "assets" / "open_model.js").read_text(encoding="utf-8")
    assert [name for name in (OPEN_ANOTHER, MODEL, DIALOG, SOURCE, OPEN, FOUND) if f'"{name}"' not in script] == []
