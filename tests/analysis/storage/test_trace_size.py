import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import analysis.storage.trace_size
from analysis.errors import TextError
from analysis.model_info import ModelInfo
from analysis.storage.trace_size import pass_bytes, refuse_too_long, trace_bytes

MEDIUM = ModelInfo("GPT-2", 24, 16, 1024, 64, 4096, 50257, 1024, 354_823_168, "any")
PLENTY = 10**12


def machine(monkeypatch: pytest.MonkeyPatch, *, disk: int = PLENTY, memory: int = PLENTY) -> None:
    def say(**found: int) -> Any:
        return lambda *_: SimpleNamespace(**found)

    monkeypatch.setattr(analysis.storage.trace_size.shutil, "disk_usage", say(free=disk))
    monkeypatch.setattr(analysis.storage.trace_size, "free_bytes", lambda: memory)


def test_the_size_of_a_trace_written_out():
    """GPT-2 medium, 1,024 tokens: attention and neurons in 2 bytes, all else in 4; the logits of 256 tokens only."""
    attention, neurons = 24 * 16 * 1024 * 1024, 24 * 1024 * 4096
    residual = 25 * 1024 * 1024
    head_outputs, norms = 24 * 1024 * 16 * 64, 24 * 1024 * (16 + 64)
    assert trace_bytes(MEDIUM, 1024) == 2 * (attention + neurons) + 4 * (residual + head_outputs + norms)
    attention, per_token = 24 * 16 * 256 * 256, 24 * (4096 + 16 * 64 + 16 + 64) + 25 * 1024 + 50257
    assert trace_bytes(MEDIUM, 256) == 4 * (attention + 256 * per_token)


def test_a_text_that_fits_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    machine(monkeypatch)
    refuse_too_long(MEDIUM, 1024, tmp_path, PLENTY)


@pytest.mark.parametrize(
    ("needed", "limits", "words"),
    [
        (trace_bytes, {"max_bytes": 800_000_000}, "caches at most 600 MB per text, three quarters of CACHE_MB"),
        (trace_bytes, {"disk": 1_000_000_000}, "has 1,000 MB of disk space free"),
        (pass_bytes, {"memory": 300_000_000}, "has 300 MB of memory free"),
    ],
)
def test_the_refusal_says_how_many_tokens_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: Any, limits: dict[str, int], words: str
):
    max_bytes = limits.pop("max_bytes", PLENTY)
    machine(monkeypatch, **limits)
    with pytest.raises(TextError) as refused:
        refuse_too_long(MEDIUM, 1024, tmp_path, max_bytes)
    said = str(refused.value)
    assert said.startswith(f"The text has 1,024 tokens. With this model they need {needed(MEDIUM, 1024) / 1e6:,.0f} MB")
    assert words in said
    possible, less = map(int, re.findall(r"to (\d+) tokens, by (\d+)\.", said)[0])
    assert possible + less == 1024
    assert possible > 256
    refuse_too_long(MEDIUM, possible, tmp_path, max_bytes)
    with pytest.raises(TextError):
        refuse_too_long(MEDIUM, possible + 1, tmp_path, max_bytes)


def test_short_texts_are_always_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    machine(monkeypatch, disk=0, memory=0)
    refuse_too_long(MEDIUM, 256, tmp_path, 0)
    with pytest.raises(TextError, match="Shorten the text to 256 tokens, by 1"):
        refuse_too_long(MEDIUM, 257, tmp_path, 0)
