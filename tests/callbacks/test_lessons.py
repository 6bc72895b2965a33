"""A lesson that is opened: views of the bundled model, each with an address that shows what its note says."""

from pathlib import Path
from urllib.parse import parse_qs

import pytest

from analysis.causes.intervention import read_interventions
from analysis.errors import ModelError
from analysis.lessons.all_lessons import LESSONS
from analysis.models.language_model import LanguageModel
from analysis.selection import Selection
from analysis.trace import Prompt
from callbacks.lessons import ComputedLessons, draw_lesson
from dashboard.panels import PANELS
from dashboard.services import AppServices
from tests.tiny import make_services


@pytest.mark.long
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_a_session_on_the_bundled_model(
    tmp_path: Path, bundled_model: LanguageModel, tiny_gpt2: LanguageModel, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(tmp_path, {"tiny": tiny_gpt2, "bundled": bundled_model})
    computed: ComputedLessons = {}
    lesson = draw_lesson(services, name, computed)
    assert lesson["title"] == LESSONS[name][0]
    controls = {setting for panel in PANELS for setting in panel.settings} | {"compare-text", "compare-side"}
    names = list(LESSONS)
    assert lesson["next"] == ("" if name == names[-1] else f"lesson-{names[names.index(name) + 1]}")
    assert set(lesson["about"]) <= {f"{panel.name}-panel" for panel in PANELS}
    for view, words in zip(lesson["views"], lesson["words"], strict=True):
        assert "".join(one if isinstance(one, str) else one["props"]["children"] for one in words) == view["note"]
        assert set(view) == {"name", "note", "address", "fingerprint"}
        assert view["fingerprint"] == bundled_model.info.fingerprint
        parts = {key: value for key, (value,) in parse_qs(view["address"]).items()}
        assert parts.pop("model") == "bundled"
        trace = services.trace(Prompt("bundled", parts.pop("text")))
        selection = Selection.parse(parts.pop("select")).checked(trace.info, trace.n_positions)
        assert selection.position is not None
        assert set(parts.pop("tabs").split("_and_")) <= {panel.name for panel in PANELS}
        assert parts.pop("large", "left") in {panel.dock for panel in PANELS}
        assert set(parts) <= controls
        for one in read_interventions(parts.get("effect-removed", "")):
            assert one.replacement == "mean"
    assert draw_lesson(services, name, {}) == lesson, "the same, computed again"
    monkeypatch.setattr("callbacks.lessons.LESSONS", {})
    assert draw_lesson(services, name, computed) == lesson, "the same, not computed again"


def test_without_the_bundled_model_the_page_says_why_there_are_no_lessons(services: AppServices) -> None:
    with pytest.raises(ModelError, match="which this server does not offer"):
        draw_lesson(services, "pieces", {})
