"""The job service of web processes: results, offers to compute, the secret, and refusals with a reason."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Progress
from dashboard.app import create_app
from dashboard.jobs.forker import Forker
from dashboard.settings import Settings
from tests.dashboard.jobs.tasks import jobs_in, run, task
from tests.page import of_app


def test_a_result_is_kept_and_shown(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, times = jobs_in(tmp_path), []

    def compute(_report: Progress) -> Arrays:
        times.append(1)
        return {"a": np.arange(3, dtype=np.float32), "b": np.float64(2.5)}

    wanted = task(tiny_gpt2, compute)
    assert jobs.show(wanted, {"q": 1}) == (
        None,
        {"question": {"q": 1}, "seconds": None, "most": None, "automatic": True, "refused": ""},
    )
    assert run(jobs, wanted) == {"nonce": "n", "kind": "done", "message": ""}
    assert run(jobs, wanted)["kind"] == "done"
    arrays, offer = jobs.show(wanted, {"q": 1})
    np.testing.assert_array_equal(arrays["a"], [0, 1, 2])
    assert arrays["b"].shape == ()
    assert offer["kept"] > 0
    assert len(times) == 1
    assert jobs.show(task(tiny_gpt2, compute, "y"), {})[0] is None


def test_results_of_an_older_version_are_not_shown(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs = jobs_in(tmp_path)
    old, new = (task(tiny_gpt2, lambda _report, n=n: {"a": np.array(n)}, version=n) for n in (1, 2))
    run(jobs, old)
    result, offer = jobs.show(new, {})
    assert result is None
    assert "kept" not in offer
    run(jobs, new)
    assert [jobs.show(one, {})[0]["a"] for one in (old, new)] == [1, 2]


def test_showing_computes_nothing(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    def fail(_report: Progress) -> Arrays:
        raise AssertionError("it was computed")

    assert jobs_in(tmp_path).show(task(tiny_gpt2, fail), {})[0] is None


def test_a_partial_result_is_shown_meanwhile(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, told, seen = jobs_in(tmp_path), [], []

    def compute(report: Progress) -> Arrays:
        report(0.25, {"a": np.zeros(1)})
        seen.append(jobs.show(wanted, {}))
        time.sleep(0.25)
        report(0.5, {})
        return {"a": np.ones(1)}

    wanted = task(tiny_gpt2, compute)
    run(jobs, wanted, told.append)
    arrays, offer = seen[0]
    assert arrays["a"] == [0]
    assert "kept" not in offer
    assert [(tick["nonce"], tick["share"], tick["partial"]) for tick in told] == [("n", 0.25, 1), ("n", 0.5, 1)]
    assert all(tick["left"] > 0 for tick in told)
    assert jobs.show(wanted, {})[0]["a"] == [1]


def test_a_damaged_result_is_computed_again(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, wanted = jobs_in(tmp_path), task(tiny_gpt2, lambda _report: {"a": np.zeros(1)})
    run(jobs, wanted)
    for key in list(jobs.store.cache.opened):  # type: ignore[attr-defined]
        if key.startswith("result."):
            jobs.store.set(key, b"damaged", seconds=100)
    assert jobs.show(wanted, {})[0] is None
    run(jobs, wanted)
    assert jobs.show(wanted, {})[0] is not None


def test_all_processes_get_the_same_secret(tmp_path: Path) -> None:
    """Also after the cache was emptied; and nobody else can read it."""
    first = jobs_in(tmp_path).secret()
    other = jobs_in(tmp_path)
    other.store.cache.clear()  # type: ignore[attr-defined]
    assert len(first) == 64
    assert first == other.secret() != jobs_in(tmp_path / "elsewhere").secret()
    assert (tmp_path / "jobs" / "secret").stat().st_mode & 0o777 == 0o600


def test_a_job_that_cannot_be_started_is_an_error_in_words(
    tmp_path: Path, tiny_gpt2: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_forker: Forker, _what: Any) -> int:
        raise OSError("no further process can be forked")

    monkeypatch.setattr(Forker, "fork", full)
    app = create_app(Settings(cache_dir=str(tmp_path)), models={"tiny": tiny_gpt2})
    outcome = of_app(app.server).start_job("saliency", {"any": "question"}).answer["response"]["saliency-job-done"]
    assert outcome["data"]["kind"] == "error"
    assert "no room for another computation" in outcome["data"]["message"]
