"""The job store in a real Redis: values and locks with a time to live, a shared secret, and Redis unreachable."""

import time

import pytest

from dashboard.jobs.store import JobsError
from dashboard.jobs.stores.redis_store import RedisStore
from tests.dashboard.jobs.waiting import GaveUp, give_up
from tests.serving import free_port


def test_values_are_kept_for_their_time(store: RedisStore) -> None:
    store.set("a", b"1", seconds=100)
    store.set("b", b"2", seconds=0.05)
    time.sleep(0.1)
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"1", None, None)
    store.delete("a")
    assert store.get("a") is None


def test_a_lock_is_held_by_one_and_ends_with_its_holder(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.jobs.stores.redis_store._LEASE_SECONDS", 1.5)
    with store.lock("work", give_up):
        with pytest.raises(GaveUp), store.lock("work", give_up):
            pass
        for _ in range(4):  # renewed, it outlasts its lease
            time.sleep(0.5)
            store.renew_locks()
        with pytest.raises(GaveUp), store.lock("work", give_up):
            pass
        time.sleep(1.6)  # not renewed, as after a kill
        with store.lock("work", give_up):
            pass
    with store.lock("work", give_up):
        pass


def test_all_processes_get_the_same_secret(store: RedisStore, url: str) -> None:
    assert store.secret(lambda: b"one") == RedisStore(url).secret(lambda: b"two") == b"one"
    assert store._redis.ttl("explorer.secret") == -1  # for ever


def test_queued_jobs_are_counted_until_their_time(store: RedisStore) -> None:
    store.add_waiting("one", 100)
    store.add_waiting("other", 100)
    store.add_waiting("gone", 0)
    assert store.n_waiting() == 2
    store.remove_waiting("one")
    assert store.n_waiting() == 1


def test_without_redis_it_raises() -> None:
    store = RedisStore(f"redis://127.0.0.1:{free_port()}/0")
    for ask in (lambda: store.get("a"), lambda: store.set("a", b"", seconds=1), store.n_waiting):
        with pytest.raises(JobsError, match="cannot be reached"):
            ask()  # type: ignore[no-untyped-call]
    with pytest.raises(JobsError, match="cannot be reached"), store.lock("work", give_up):
        pass
    assert not store.works()
