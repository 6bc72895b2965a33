"""Slots: held by one process each, freed when it ends, counted by the others."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.jobs.slots import Slots
from tests.dashboard.jobs.waiting import GaveUp, give_up


def hold(slots: Slots) -> Callable[[], None]:
    """Hold a slot in another process; gives how to kill that process."""
    told, tell = os.pipe()
    process = os.fork()
    if process == 0:
        with slots.acquire(os.abort):
            os.write(tell, b"x")
            signal.pause()
    os.read(told, 1)

    def kill() -> None:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)

    return kill


def test_no_more_than_there_are(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 2)
    assert (slots.any_free(), slots.n_held()) == (True, 0)
    with slots.acquire(give_up) as one, slots.acquire(give_up) as two:
        assert (one, two) == (1, 1), "of other processes none is held"
        with pytest.raises(GaveUp), slots.acquire(give_up):
            pass
    with slots.acquire(give_up), slots.acquire(give_up):
        pass


def test_a_killed_process_frees_its_slot(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 1)
    kill = hold(slots)
    assert (slots.any_free(), slots.n_held()) == (False, 1)
    with pytest.raises(GaveUp), slots.acquire(give_up):
        pass
    kill()
    assert (slots.any_free(), slots.n_held()) == (True, 0)
    with slots.acquire(give_up) as n_held:
        assert n_held == 1


def test_one_who_waits_gets_the_slot_that_is_freed(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 2)
    kill, kill_other = hold(slots), hold(slots)
    attempts: list[int] = []

    def wait() -> None:
        attempts.append(1)
        if len(attempts) == 3:
            kill()

    with slots.acquire(wait) as n_held:
        assert n_held == 2
    assert len(attempts) == 3
    kill_other()
