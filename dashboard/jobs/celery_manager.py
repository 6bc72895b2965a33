"""The job manager for several machines: a Celery task for each job, in a queue in Redis."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from typing import Any

from celery import Celery, current_task
from dash import CeleryManager

from dashboard.jobs.manager import NO_HOOKS, QUEUED, Hooks, JobManager, QueueFull, outcome
from dashboard.jobs.quota import Quota
from dashboard.jobs.store import JobsError
from dashboard.jobs.stores.redis_store import TIMEOUT_SECONDS, RedisStore, reachable

_WORKING = "workers"  # a key that is set while any worker runs a job
_VISIBILITY_SECONDS = 60  # after which a task that a worker took and did not start goes to another


class CeleryJobManager(JobManager, CeleryManager):
    """Queues each job for Celery's workers, which may run on other machines.

    While Redis cannot be reached, nothing is known of a job, and it counts as running.
    """

    store: RedisStore

    def __init__(
        self,
        url: str,
        store: RedisStore,
        *,
        quota: Quota,
        queue_timeout: float,
        queue_length: int,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        app = Celery("explorer", broker=url, backend=url)
        app.conf.update(
            task_default_queue="celery",
            worker_disable_prefetch=True,  # an idle worker takes a task that a busy one would hold back
            broker_transport_options={"visibility_timeout": _VISIBILITY_SECONDS},
            redis_socket_connect_timeout=TIMEOUT_SECONDS,
            redis_socket_timeout=TIMEOUT_SECONDS,
            result_expires=3600,
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,  # without end
            worker_hijack_root_logger=False,
        )
        super().__init__(app)
        self.store, self.quota, self.queue_timeout, self.hooks = store, quota, queue_timeout, hooks
        self._queue_length = queue_length

    def current_job(self) -> str:
        return str(current_task.request.id)

    def cancelled(self) -> bool:
        return not self._is_alive(self.current_job())

    def beat(self, job: str) -> None:
        super().beat(job)
        self.store.remove_waiting(job)
        self.store.set(_WORKING, b"", seconds=self.queue_timeout)

    def job_running(self, job: str) -> bool:
        with suppress(JobsError), reachable():
            return self._is_running(job)
        return True

    def get_progress(self, key: str) -> Any:
        with suppress(JobsError), reachable():
            return super().get_progress(key)
        return None

    def get_updated_props(self, key: str) -> Any:
        with suppress(JobsError), reachable():
            return super().get_updated_props(key)
        return {}

    def terminate_job(self, job: str | None) -> None:
        if job:
            if self._is_alive(job):
                self._ended(job, "cancelled")
            self.store.remove_waiting(job)
            self.handle.control.revoke(job, terminate=True, signal="SIGKILL")

    def _start(self, key: str, job_fn: Any, args: Any) -> str:
        (start,) = args
        if self.store.n_waiting() >= self._queue_length:
            raise QueueFull
        waiting = outcome(start, "waiting") | {"phase": "waiting", "words": "Waiting in the queue."}
        self.handle.backend.set(self._make_progress_key(key), json.dumps([waiting]))
        job = str(uuid.uuid4())
        self._mark_queued(job)
        with reachable():
            job_fn.apply_async((key, self._make_progress_key(key), args, {}), task_id=job)
        self._started(job)
        return job

    def _mark_queued(self, job: str) -> None:
        super()._mark_queued(job)
        self.store.add_waiting(job, self.queue_timeout)

    def _is_running(self, job: str) -> bool:
        heartbeat = self._get_heartbeat(job)
        if heartbeat == QUEUED and self.store.get(_WORKING) is not None:
            self._mark_queued(job)  # for longer: workers are busy, and the job's page is open
        if heartbeat is None:
            return False
        # A worker reports at once that its process was killed; a missing heartbeat tells of a worker that is gone.
        state = self.handle.AsyncResult(job).state
        if state == "FAILURE":
            self._ended(job, "killed")
        return state not in ("FAILURE", "REVOKED")

    def _put_outcome(self, key: str, result: dict[str, Any]) -> None:
        self.handle.backend.set(key, json.dumps(result))

    def _pop_outcome(self, key: str) -> Any:
        with suppress(JobsError), reachable():
            result = self.handle.backend.get(key)
            if result is not None:
                self.clear_cache_entry(key)
                return json.loads(result)
        return self.UNDEFINED
