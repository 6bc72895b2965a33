"""The job store on disk: values with a time to live, locks by name, a secret, and a disk that cannot be written."""

import time
from pathlib import Path
from typing import Any

import pytest

from dashboard.jobs.store import JobsError
from dashboard.jobs.stores.disk_cache import DiskCache
from dashboard.jobs.stores.disk_store import DiskStore
from tests.dashboard.jobs.waiting import GaveUp, give_up


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path, max_bytes=10**7)


def test_values_are_kept_for_their_time(store: DiskStore) -> None:
    store.set("a", b"1", seconds=100)
    store.set("b", b"2", seconds=0.05)
    time.sleep(0.1)
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"1", None, None)
    store.delete("a")
    assert store.get("a") is None


def test_a_lock_is_held_by_one(store: DiskStore, tmp_path: Path) -> None:
    other = DiskStore(tmp_path, max_bytes=10**7)
    with store.lock("work.a", give_up):
        with pytest.raises(GaveUp), other.lock("work.a", give_up):
            pass
        with other.lock("work.b", give_up):
            pass
    with other.lock("work.a", give_up):
        pass


def test_a_disk_that_refuses(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    assert store.works()
    for method in ("set", "get", "delete"):
        monkeypatch.setattr(DiskCache, method, full)
    with pytest.raises(JobsError, match="is it full"):
        store.set("a", b"1", seconds=1)
    assert store.get("a") is None
    store.delete("a")
    assert not store.works()
