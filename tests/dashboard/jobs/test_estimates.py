"""Estimates of run times, from hand-made runs."""

import pytest

from dashboard.jobs.estimates import expected_seconds


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
