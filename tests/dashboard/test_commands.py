"""`python -m dashboard models`, `download` and `hash-password`, as a person runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from analysis.models.hub import HubModel
from dashboard.commands import download, hash_password, print_models
from dashboard.models.menu import configured_models, with_first
from dashboard.settings import Settings
from dashboard.web.sign_in import Credentials
from tests.hub import SmallHub, served_hub
from tests.tiny import make_tiny


@pytest.fixture
def small_hub(tmp_path: Path) -> Iterator[SmallHub]:
    model = make_tiny("gpt2")
    model.network.save_pretrained(tmp_path / "model")
    model.tokenizer.save_pretrained(tmp_path / "model")
    with served_hub() as hub:
        hub.hold("owner/fox", tmp_path / "model")
        yield hub


def test_a_download_that_fails_ends_with_words_and_a_status(
    small_hub: SmallHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", small_hub.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for settings, name, message in [
        (Settings(cache_dir=str(tmp_path)), "owner/absent", "The hub has no public model 'owner/absent'"),
        (Settings(cache_dir=str(tmp_path), allow_downloads=False), "gpt2", "ALLOW_DOWNLOADS is 0"),
        (Settings(cache_dir=str(tmp_path), model_memory_mb=100), "gpt2", "gpt2 is too large"),
        (Settings(cache_dir=str(tmp_path)), "../etc", "cannot be the name of a model"),
    ]:
        assert download(settings, name) == 1
        assert message in capsys.readouterr().err
    assert download(Settings(cache_dir=str(tmp_path)), "bundled") == 0


def test_the_list_has_all_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert print_models(Settings(cache_dir=str(tmp_path), model_memory_mb=1000, allow_downloads=False)) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(rows) == ["model", "bundled", "distilgpt2", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]
    assert rows["bundled"].endswith("on disk")
    assert "354,823,168" in rows["gpt2-medium"]
    assert rows["gpt2-medium"].endswith("too large for this machine")


def test_what_a_host_names_is_in_front(tmp_path: Path) -> None:
    models = configured_models(Settings())
    (tmp_path / "gpt2").mkdir()
    assert next(iter(with_first(models, "gpt2-xl").items())) == ("gpt2-xl", HubModel("gpt2-xl"))
    assert len(with_first(models, "gpt2-xl")) == len(models)
    assert next(iter(with_first(models, str(tmp_path / "gpt2")).items())) == ("gpt2", tmp_path / "gpt2")
    assert len(with_first(models, str(tmp_path / "gpt2"))) == len(models)
    (tmp_path / "fox.Q4_0.gguf").touch()
    (first, source), *_ = with_first(models, str(tmp_path / "fox.Q4_0.gguf")).items()
    assert (first, source) == ("fox.Q4_0.gguf", tmp_path / "fox.Q4_0.gguf")
    assert next(iter(with_first(models, "owner/fox@v1").items())) == ("owner/fox@v1", HubModel("owner/fox", "v1"))


def hashed(monkeypatch: pytest.MonkeyPatch, name: str, *passwords: str) -> int:
    """Run the command with what a person types."""
    typed = iter(passwords)
    monkeypatch.setattr("builtins.input", lambda _words: name)
    monkeypatch.setattr("dashboard.commands.getpass", lambda _words: next(typed))
    return hash_password()


def test_the_entry_of_a_password_is_one_that_the_settings_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hashed(monkeypatch, "ada", "a secret: $1", "a secret: $1") == 0
    entry = capsys.readouterr().out
    assert "secret" not in entry
    settings = Settings.from_environment({"BASIC_AUTH_USERS": entry})
    assert Credentials(settings.basic_auth_users.by_name()).correct("ada", "a secret: $1")


@pytest.mark.parametrize(
    "typed", [("a da", "p", "p"), ("a:b", "p", "p"), ("", "p", "p"), ("ada", "p", "q"), ("ada", "", "")]
)
def test_what_can_be_no_entry_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: tuple[str, str, str]
) -> None:
    assert hashed(monkeypatch, *typed) == 1
    found = capsys.readouterr()
    assert (found.out, len(found.err.splitlines())) == ("", 1)
