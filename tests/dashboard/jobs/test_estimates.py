"""Estimates of run times, from hand-made runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.models.language_model import LanguageModel
from analysis.task import Task
from dashboard.jobs.estimates import Estimates, expected_seconds
from dashboard.jobs.stores.disk_store import DiskStore
from tests.dashboard.jobs.tasks import task


def test_without_a_run_nothing_is_known() -> None:
    assert expected_seconds((), 3) is None


def test_one_run_tells_the_time_of_a_unit() -> None:
    assert expected_seconds(((10, 2),), 10) == pytest.approx(2, rel=0.05)
    assert expected_seconds(((10, 2),), 30) == pytest.approx(6, rel=0.1)


def test_a_start_that_always_takes_its_time_is_seen() -> None:
    runs = [(work, 0.5 + 0.01 * work) for work in (5, 40, 300)]
    for work in (1, 20, 500):
        assert expected_seconds(tuple(runs), work) == pytest.approx(0.5 + 0.01 * work, rel=0.3)


def test_two_runs_that_differ_little_say_nothing_of_a_start() -> None:
    assert expected_seconds(((100, 1.0), (110, 0.9)), 1000) == pytest.approx(9, rel=0.3)


def test_one_that_was_held_up_changes_little() -> None:
    assert expected_seconds(((1, 1), (2, 2), (4, 4), (3, 30)), 8) == pytest.approx(8, rel=0.2)


@pytest.fixture
def estimates(tmp_path: Path) -> Estimates:
    return Estimates(DiskStore(tmp_path, max_bytes=10**6))


@pytest.fixture
def varied(tiny_gpt2: LanguageModel) -> Task:
    """A task of 10 units of work, or up to 100."""
    return replace(task(tiny_gpt2, lambda _report: {}, work=10), most=100)


def test_the_range_is_up_to_what_is_possible_until_runs_show_less(estimates: Estimates, varied: Task) -> None:
    assert estimates.expected(varied) is None
    estimates.record(varied, 10, 2, complete=True)
    first = estimates.expected(varied)
    assert first is not None
    assert (first.least, first.usual) == (first.usual, pytest.approx(2, rel=0.1))
    assert first.most == pytest.approx(20, rel=0.1)
    for work in (10, 20):
        estimates.record(varied, work, work / 5, complete=True)
    learned = estimates.expected(varied)
    assert learned is not None
    assert learned.most == pytest.approx(1.5 * 4, rel=0.1)
    assert learned.least == pytest.approx(2, rel=0.1)


def test_a_measurement_does_not_replace_what_runs_have_shown(estimates: Estimates, varied: Task) -> None:
    estimates.record(varied, 10, 50, complete=False)
    assert estimates.expected(varied).usual == pytest.approx(50, rel=0.1)  # type: ignore[union-attr]
    estimates.record(varied, 10, 2, complete=True)
    estimates.record(varied, 10, 50, complete=False)
    assert estimates.expected(varied).usual == pytest.approx(2, rel=0.1)  # type: ignore[union-attr]


def test_a_task_whose_work_is_known_has_no_range(estimates: Estimates, tiny_gpt2: LanguageModel) -> None:
    known = task(tiny_gpt2, lambda _report: {}, work=10)
    estimates.record(known, 10, 2, complete=True)
    expected = estimates.expected(known)
    assert expected is not None
    assert expected.least == expected.usual == expected.most
