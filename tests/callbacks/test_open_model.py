"""The dialog "Open another model": looking up, opening, and what stays as it is."""

from typing import Any

import pytest

from callbacks.open_model import draw_open_model
from dashboard.models.opener import FoundModel
from dashboard.services import AppServices


class FakeOpener:
    """Finds one model."""

    def __init__(self, services: AppServices) -> None:
        outline = services._models.outline("tiny")
        self.found = FoundModel("", "step-500", "/runs/step-500", outline, allowed_bytes=10**9, free_bytes=10**9)
        self.opened: list[str] = []

    def look(self, text: str) -> FoundModel:
        return self.found if text == "/runs/step-500" else FoundModel(f"There is no folder '{text}'.")

    def open(self, text: str) -> FoundModel:
        self.opened.append(text)
        return self.look(text)


@pytest.fixture
def opener(services: AppServices) -> FakeOpener:
    services._opener = FakeOpener(services)  # type: ignore[assignment]
    return services._opener  # type: ignore[return-value]


def test_what_is_found_is_shown_and_can_be_opened(services: AppServices, opener: FakeOpener) -> None:
    shown = draw_open_model(services, "/runs/step-500", opens=False)
    assert "GPT-2: 3 blocks, 4 heads each" in str(shown["found"])
    assert (shown["is_open"], shown["button"], shown["disabled"]) == (True, "Open", False)
    assert (shown["looked"], shown["opened"]) == ("/runs/step-500", "")
    assert opener.opened == []


def test_opening_closes_and_clears_the_dialog(services: AppServices, opener: FakeOpener) -> None:
    shown = draw_open_model(services, "/runs/step-500", opens=True)
    assert (shown["is_open"], shown["found"], shown["disabled"], shown["opened"]) == (False, [], True, "step-500")
    assert opener.opened == ["/runs/step-500"]


@pytest.mark.parametrize("opens", [False, True])
@pytest.mark.parametrize("text", ["/nowhere", "", None, 7, ["/runs/step-500"]])
@pytest.mark.usefixtures("opener")
def test_a_reason_keeps_the_dialog_open(services: AppServices, text: Any, opens: bool) -> None:
    shown = draw_open_model(services, text, opens=opens)
    assert "There is no folder" in str(shown["found"])
    assert (shown["is_open"], shown["disabled"], shown["opened"]) == (True, True, "")
