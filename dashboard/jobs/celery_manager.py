"""Jobs on several machines that share one Redis: where results lie, and Celery as the way to run them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis
from celery import Celery, current_task
from dash import CeleryManager
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from dashboard.jobs.manager import BUSY, QUEUED, Watched, outcome
from dashboard.jobs.quota import Busy
from dashboard.jobs.store import POLL, JobsError

_QUEUE = "celery"
_AT_WORK = "at work"  # there while workers run jobs
_LATE = 60  # seconds after which what a worker took and did not begin goes to another
_PATIENCE = 2  # seconds in which Redis is to answer
_LEASE = 10  # seconds after which a lock is free unless its holder renews it


class RedisStore:
    """A `JobStore` in Redis."""

    def __init__(self, url: str) -> None:
        # One more try, as a connection may be an old one; no more, as a page waits for the answer.
        self._redis = redis.Redis.from_url(
            url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE, retry=Retry(NoBackoff(), 1)
        )
        # Asked once, and soon: who asks wants to know how it is now.
        self._now = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 0))
        self._prefix = "explorer."
        self._held: list[redis.lock.Lock] = []

    def get(self, key: str) -> bytes | None:
        with _reachable():
            return self._redis.get(self._prefix + key)

    def set(self, key: str, value: bytes, *, seconds: float) -> None:
        with _reachable():
            self._redis.set(self._prefix + key, value, px=int(seconds * 1000))

    def delete(self, key: str) -> None:
        with _reachable():
            self._redis.delete(self._prefix + key)

    @contextmanager
    def lock(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        lock = self._redis.lock(f"{self._prefix}lock.{name}", timeout=_LEASE, thread_local=False)
        with _reachable():
            while not lock.acquire(blocking=False):
                waiting()
                time.sleep(POLL)
        self._held.append(lock)
        try:
            yield
        finally:
            self._held.remove(lock)
            with suppress(redis.RedisError):  # it ends by itself
                lock.release()

    def renew(self) -> None:
        for lock in list(self._held):
            with suppress(redis.RedisError):  # released just now, or to be tried again in a second
                lock.reacquire()

    def works(self) -> bool:
        with suppress(redis.RedisError):
            return bool(self._now.ping())
        return False

    def secret(self, generate: Callable[[], bytes]) -> bytes:
        key = f"{self._prefix}secret"
        with _reachable():
            self._redis.set(key, generate(), nx=True)
            return self._redis.get(key)

    def wait(self, job: str, seconds: float) -> None:
        """Note that a job waits to be taken, for so long."""
        with _reachable():
            self._redis.zadd(f"{self._prefix}waiting", {job: time.time() + seconds})

    def wait_no_more(self, job: str) -> None:
        """Note that a job was taken, or is not wanted any more."""
        with _reachable():
            self._redis.zrem(f"{self._prefix}waiting", job)

    def n_bytes(self) -> int | None:
        return None

    def n_waiting(self) -> int:
        with _reachable():
            self._redis.zremrangebyscore(f"{self._prefix}waiting", 0, time.time())
            return self._redis.zcard(f"{self._prefix}waiting")


class QueueManager(Watched, CeleryManager):
    """A task for Celery's workers, which may be on other machines."""

    def __init__(self, url: str, store: RedisStore, *, patience: float, most_waiting: int) -> None:
        app = Celery("explorer", broker=url, backend=url)
        app.conf.update(
            task_default_queue=_QUEUE,
            worker_disable_prefetch=True,  # a free worker takes what another would have to keep waiting
            broker_transport_options={"visibility_timeout": _LATE},
            redis_socket_connect_timeout=_PATIENCE,
            redis_socket_timeout=_PATIENCE,
            result_expires=3600,
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,  # it never gives up
            worker_hijack_root_logger=False,
        )
        super().__init__(app)
        self.store, self.patience = store, patience
        self._most_waiting = most_waiting

    def own_handle(self) -> str:
        return str(current_task.request.id)

    def _begin(self, key: str, job_fn: Any, args: Any) -> str:
        (start,) = args
        if self.store.n_waiting() >= self._most_waiting:
            raise Busy(BUSY)
        waiting = outcome(start, "waiting") | {"phase": "waiting", "words": "Waiting for its turn."}
        self.handle.backend.set(self._make_progress_key(key), json.dumps([waiting]))
        job = str(uuid.uuid4())
        self.queued(job)
        with _reachable():
            job_fn.apply_async((key, self._make_progress_key(key), args, {}), task_id=job)
        self.heard(job, "started")
        return job

    def queued(self, job: str) -> None:
        super().queued(job)
        self.store.wait(job, self.patience)

    def beat(self, job: str) -> None:
        super().beat(job)
        self.store.wait_no_more(job)
        self.store.set(_AT_WORK, b"", seconds=self.patience)

    def wanted(self) -> bool:
        return super().job_running(self.own_handle())

    # While Redis cannot be reached, nothing new is heard of a job, which may go on.

    def job_running(self, job: str) -> bool:
        with suppress(JobsError), _reachable():
            return self._is_running(job)
        return True

    def get_progress(self, key: str) -> Any:
        with suppress(JobsError), _reachable():
            return super().get_progress(key)
        return None

    def get_updated_props(self, key: str) -> Any:
        with suppress(JobsError), _reachable():
            return super().get_updated_props(key)
        return {}

    def _is_running(self, job: str) -> bool:
        sign = self.store.get(f"beat.{job}")
        if sign == QUEUED and self.store.get(_AT_WORK) is not None:
            self.queued(job)  # its turn will come: a worker is at work, and its page still asks
        if sign is None:
            return False
        # A worker says at once that a process of its own was killed; silence is for a worker that is gone itself.
        state = self.handle.AsyncResult(job).state
        if state == "FAILURE":
            self.heard(job, "killed")
            self.store.delete(f"beat.{job}")
        return state not in ("FAILURE", "REVOKED")

    def terminate_job(self, job: str | None) -> None:
        if job:
            if self._lives(job):
                self.heard(job, "cancelled")
            self.store.delete(f"beat.{job}")
            self.store.wait_no_more(job)
            self.handle.control.revoke(job, terminate=True, signal="SIGKILL")

    def _keep(self, key: str, result: dict[str, Any]) -> None:
        self.handle.backend.set(key, json.dumps(result))

    def _take(self, key: str) -> Any:
        with suppress(JobsError), _reachable():
            result = self.handle.backend.get(key)
            if result is not None:
                self.clear_cache_entry(key)
                return json.loads(result)
        return self.UNDEFINED


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OperationalError) as error:
        raise JobsError("The queue of computations cannot be reached at the moment. Try again in a minute.") from error
