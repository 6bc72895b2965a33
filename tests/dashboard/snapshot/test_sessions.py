"""Session files: what is written is read again, and what is wrong with a file is said."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.models.language_model import LanguageModel
from analysis.models.registry import ModelRegistry
from dashboard.snapshot.sessions import (
    MAX_BYTES,
    MAX_LENGTHS,
    MAX_VIEWS,
    Session,
    SessionError,
    View,
    load_session,
    read_session,
    session_warnings,
    write_session,
)
from tests.serving import ROOT
from tests.session_files import DAMAGED, session_text

ANY_TEXT = st.text(max_size=30)
VIEWS = st.builds(View, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(VIEWS, max_size=5))
def test_what_is_written_is_read_again(views: list[View]) -> None:
    session = Session(tuple(views))
    text = write_session(session)
    assert read_session(text) == session == read_session(text.encode())
    assert json.loads(text)["version"] == 1


@given(JSON, st.sampled_from(["format", "version", "views", "view", "name", "note", "address", "fingerprint", ""]))
def test_any_json_is_a_session_or_refused(value: Any, place: str) -> None:
    if place in MAX_LENGTHS:
        text = session_text({"name": "n", "address": "", place: value})
    elif place == "view":
        text = session_text(value)
    else:
        text = json.dumps({**json.loads(session_text()), place: value} if place else value)
    with suppress(SessionError):
        assert isinstance(read_session(text), Session)


@given(st.binary(max_size=50))
def test_any_bytes_are_refused_with_words(data: bytes) -> None:
    with pytest.raises(SessionError, match="session"):
        read_session(data)


@pytest.mark.parametrize(("text", "words"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_wrong_with_a_file_is_said(text: str, words: str) -> None:
    with pytest.raises(SessionError) as error:
        read_session(text)
    assert str(error.value) == words


def test_a_session_at_its_limits_is_read() -> None:
    longest = {"name": "🌲" * 100, "note": "n" * 2000, "address": "a", "fingerprint": "f" * 64, "color": "unknown"}
    assert len(read_session(session_text(*[longest] * MAX_VIEWS)).views) == MAX_VIEWS
    assert read_session(session_text({"name": "", "address": ""})).views == (View("", "", "", ""),)
    with pytest.raises(SessionError, match="larger than 2 MB"):
        read_session(" " * (MAX_BYTES + 1))
    with pytest.raises(SessionError, match="not JSON"):
        read_session("[" * 10**6)


def test_the_readmes_example_is_a_session() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Views, links and sessions")[2]
    example = section.partition("```json\n")[2].partition("```")[0]
    assert write_session(read_session(example)) == example.strip()


def test_a_file_has_a_title_or_a_reason_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my talk.json"
    path.write_text(f"\ufeff{session_text()}", encoding="utf-8")  # an editor's byte order mark
    assert load_session(path).title == "my talk"
    path.write_text("{")
    with pytest.raises(SessionError, match=r"my talk\.json: The file is damaged"):
        load_session(path)
    with pytest.raises(SessionError, match="cannot be opened: No such file"):
        load_session(tmp_path / "absent.json")
    with pytest.raises(SessionError, match="cannot be opened: Is a directory"):
        load_session(tmp_path)


def test_views_that_cannot_be_shown_as_they_were_are_named(tiny_gpt2: LanguageModel, tmp_path: Path) -> None:
    models = ModelRegistry({"tiny": tiny_gpt2, "broken": tmp_path})
    session = Session(
        (
            View("right", "", "model=tiny&text=a", tiny_gpt2.info.fingerprint),
            View("retrained", "", "text=a", "0" * 32),
            View("unknown", "", "model=tiny&text=a"),
            View("elsewhere", "", "model=gpt5", "0" * 32),
        )
    )
    assert list(session_warnings(session, models)) == [
        "View 2 (“retrained”) was made with other weights of tiny; the numbers may differ.",
        "View 4 (“elsewhere”) needs the model 'gpt5', which this server does not offer. Add it with MODELS or --model.",
    ]
