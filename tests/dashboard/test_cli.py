"""The command line: options, commands, and error messages."""

import subprocess
import sys

import pytest

from dashboard import cli
from tests.serving import ROOT


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["dashboard", *arguments])
    return cli.main()


def test_the_module_runs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dashboard", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for word in ("--port", "--model", "--text", "--session", "models", "download", "hash-password"):
        assert word in done.stdout


def test_help_names_defaults_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "8123")
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, "--help")
    assert end.value.code == 0
    assert "8123" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "port", "message"),
    [
        (("--port", "x"), "8050", "invalid int value"),
        (("fly",), "8050", "invalid choice"),
        ((), "x", "PORT is 'x'"),
        (("--model", "../etc"), "8050", "cannot be the name of a model"),
        (("--model", "absent.gguf"), "8050", "There is no file 'absent.gguf'"),
        (("--session", "absent.json"), "8050", "The session 'absent.json' cannot be opened: No such file"),
        (("--session", "README.md"), "8050", "README.md: The file is damaged or not a session"),
    ],
)
def test_a_mistake_ends_with_a_message_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    port: str,
    message: str,
) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, *arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_command_gives_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.commands.print_models", lambda _settings: 7)
    assert run(monkeypatch, "models") == 7
    monkeypatch.setattr("dashboard.commands.download", lambda _settings, name: len(name))
    assert run(monkeypatch, "download", "gpt2") == 4


@pytest.mark.parametrize(
    ("arguments", "environment", "local"),
    [
        ((), {}, True),
        (("--host", "localhost"), {}, True),
        (("--host", "::1"), {"HOST": "0.0.0.0"}, True),
        (("--host", "0.0.0.0"), {}, False),
        (("--host", ""), {}, False),
        (("--host", "192.168.1.5"), {}, False),
        ((), {"HOST": "0.0.0.0"}, False),
        ((), {"TRUSTED_PROXIES": "1"}, False),
        ((), {"REDIS_URL": "redis://127.0.0.1:6379/0"}, False),
    ],
)
def test_only_a_server_on_loopback_is_local(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], environment: dict[str, str], local: bool
) -> None:
    made: list[bool] = []

    def create(*_: object, local: bool, **__: object) -> None:
        made.append(local)
        raise SystemExit

    for name in ("HOST", "TRUSTED_PROXIES", "REDIS_URL"):
        monkeypatch.setenv(name, environment.get(name, ""))
    monkeypatch.setattr("dashboard.app.create_app", create)
    monkeypatch.setattr("dashboard.monitoring.json_log.configure", lambda _level: None)
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert made == [local]
