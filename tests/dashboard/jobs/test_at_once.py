"""Job results for the command line: computed once, kept, and shared with the page's jobs."""

from pathlib import Path

import numpy as np

from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Progress
from dashboard.jobs.at_once import ResultsAtOnce
from dashboard.jobs.store import Results
from tests.dashboard.jobs.tasks import jobs_in, run, task


def test_a_result_is_computed_once_and_then_shown_by_the_page(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs, times = jobs_in(tmp_path), []

    def compute(report: Progress) -> Arrays:
        report(0.5, {"a": np.zeros(2)})
        times.append(1)
        return {"a": np.array([1.5, 2])}

    wanted = task(tiny_gpt2, compute)
    for _ in range(2):
        result, offer = ResultsAtOnce(jobs.store).show(wanted, {"q": 1})
        np.testing.assert_array_equal(result["a"], [1.5, 2])
        assert offer["threads"] == 1
    assert len(times) == 1
    assert jobs.show(wanted, {})[1]["kept"] == offer["kept"]


def test_what_a_time_limit_has_ended_is_computed_again(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs = jobs_in(tmp_path)
    wanted = task(tiny_gpt2, lambda _report: {"a": np.array(2)})
    Results(jobs.store).keep(wanted, {"a": np.array(1)}, 3.0, ended=True)
    assert jobs.show(wanted, {})[0]["a"] == 1
    assert ResultsAtOnce(jobs.store).show(wanted, {})[0]["a"] == 2
    assert jobs.show(wanted, {})[0]["a"] == 2


def test_a_jobs_result_says_with_how_many_threads_it_was_computed(tmp_path: Path, tiny_gpt2: LanguageModel) -> None:
    jobs = jobs_in(tmp_path)
    wanted = task(tiny_gpt2, lambda _report: {"a": np.array(1)})
    run(jobs, wanted)
    assert jobs.show(wanted, {})[1]["threads"] == 1  # in tests; see tests/fixtures.py
    Results(jobs.store).keep(wanted, {"a": np.array(1)}, 3.0, threads=4)
    assert ResultsAtOnce(jobs.store).show(wanted, {})[1]["threads"] == 4
