"""The store of jobs in Redis, shared by several machines: values and locks with a time to live, and the queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import redis
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.lock import Lock
from redis.retry import Retry

from dashboard.jobs.store import POLL_SECONDS, JobsError

TIMEOUT_SECONDS = 2  # for an answer of Redis
_LEASE_SECONDS = 10  # after which a lock is free unless its holder renews it
_PREFIX = "explorer."
_WAITING = f"{_PREFIX}waiting"  # a sorted set: the handles of queued jobs by the time when they expire


class RedisStore:
    """A `JobStore` in Redis."""

    def __init__(self, url: str) -> None:
        # One retry, since a pooled connection may be stale; no more, since a page waits for the answer.
        self._redis = _connect(url, timeout=TIMEOUT_SECONDS, retries=1)
        self._ping = _connect(url, timeout=1, retries=0)
        self._held: list[Lock] = []

    def get(self, key: str) -> bytes | None:
        with reachable():
            return _bytes(self._redis.get(_PREFIX + key))

    def set(self, key: str, value: bytes, *, seconds: float) -> None:
        with reachable():
            self._redis.set(_PREFIX + key, value, px=int(seconds * 1000))

    def delete(self, key: str) -> None:
        with reachable():
            self._redis.delete(_PREFIX + key)

    @contextmanager
    def lock(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        lock = self._redis.lock(f"{_PREFIX}lock.{name}", timeout=_LEASE_SECONDS, thread_local=False)
        with reachable():
            while not lock.acquire(blocking=False):
                waiting()
                time.sleep(POLL_SECONDS)
        self._held.append(lock)
        try:
            yield
        finally:
            self._held.remove(lock)
            with suppress(redis.RedisError):  # it expires
                lock.release()

    def renew_locks(self) -> None:
        for lock in list(self._held):
            with suppress(redis.RedisError):  # released just now, or renewed a second later
                lock.reacquire()

    def works(self) -> bool:
        with suppress(redis.RedisError):
            return bool(self._ping.ping())
        return False

    def secret(self, generate: Callable[[], bytes]) -> bytes:
        key = f"{_PREFIX}secret"
        with reachable():
            self._redis.set(key, generate(), nx=True)
            secret = _bytes(self._redis.get(key))
        if secret is None:
            raise JobsError("Redis does not keep the server's secret. Try again.")
        return secret

    def add_waiting(self, job: str, seconds: float) -> None:
        """Count a job as queued, for that time at most."""
        with reachable():
            self._redis.zadd(_WAITING, {job: time.time() + seconds})

    def remove_waiting(self, job: str) -> None:
        """Count a job no longer: a worker has taken it, or it was cancelled."""
        with reachable():
            self._redis.zrem(_WAITING, job)

    def n_waiting(self) -> int:
        with reachable():
            self._redis.zremrangebyscore(_WAITING, 0, time.time())
            return int(self._redis.zcard(_WAITING))

    def n_bytes(self) -> int | None:
        """None: the values are in Redis, not on this machine's disk."""
        return None


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the errors of a connection to Redis within the context into JobsError."""
    try:
        yield
    except (redis.RedisError, OperationalError) as error:
        raise JobsError("The queue of computations cannot be reached at the moment. Try again in a minute.") from error


def _connect(url: str, *, timeout: float, retries: int) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_connect_timeout=timeout, socket_timeout=timeout, retry=Retry(NoBackoff(), retries)
    )


def _bytes(value: bytes | str | None) -> bytes | None:
    assert not isinstance(value, str), "responses are not decoded"
    return value
