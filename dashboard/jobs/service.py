"""Job service of the web processes: starts jobs for pages, and shows their results."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, ctx

from analysis.task import Task
from dashboard.errors import user_message
from dashboard.jobs.estimates import AUTOMATIC_SECONDS, Estimates
from dashboard.jobs.events import Listener
from dashboard.jobs.fork_manager import ForkJobManager
from dashboard.jobs.manager import NO_HOOKS, Hooks, JobManager, outcome
from dashboard.jobs.quota import Quota
from dashboard.jobs.run import Machine, SetProgress, TaskOf, run_job
from dashboard.jobs.slots import Slots
from dashboard.jobs.store import JobsError, JobStore, Results
from dashboard.jobs.stores.disk_store import DiskStore
from dashboard.settings import Settings
from layouts.job import JobIds

_POLL_MS = 500  # between two requests of a page for its job's progress; with many visitors most requests are these
_RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Jobs:
    """Starts jobs for pages, and shows their results."""

    store: JobStore
    manager: JobManager

    def __init__(
        self,
        settings: Settings,
        prepare: Callable[[], None] = lambda: None,
        *,
        client: Callable[[], str] = NO_HOOKS.client,
        panel: Callable[[], str] = NO_HOOKS.panel,
        count: Listener = NO_HOOKS.count,
        log: Listener = NO_HOOKS.log,
    ) -> None:
        """prepare: what is done once for all jobs, in the process that they are forked from. The rest: see `Hooks`."""
        self.prepare = prepare
        directory = settings.cache_path / "jobs"
        slots = Slots(directory / "slots", settings.jobs_parallel)
        hooks = Hooks(client, panel, count, log)
        timeout = settings.job_timeout_seconds
        if settings.redis_url:
            from dashboard.jobs.celery_manager import CeleryJobManager  # Celery takes 30 MB
            from dashboard.jobs.stores.redis_store import RedisStore

            redis = RedisStore(settings.redis_address)
            self.store, self._idle = redis, lambda: redis.n_waiting() == 0
            quota = Quota(redis, settings.jobs_per_visitor, self.secret)
            self.manager = CeleryJobManager(
                settings.redis_address,
                redis,
                quota=quota,
                queue_timeout=timeout,
                queue_length=settings.jobs_waiting,
                hooks=hooks,
            )
        else:
            disk = DiskStore(directory, max_bytes=settings.cache_mb * 10**6)
            self.store, self._idle = disk, slots.any_free
            quota = Quota(disk, settings.jobs_per_visitor, self.secret)
            self.manager = ForkJobManager(disk, quota=quota, queue_timeout=timeout, prepare=prepare, hooks=hooks)
        queue = Slots(directory / "queue", settings.jobs_parallel + settings.jobs_waiting)
        self._machine = Machine(
            self.manager, self.store, Results(self.store), Estimates(self.store), slots, queue, timeout
        )

    def start(self) -> None:
        """Prepare to start jobs, while this process has one thread and its other databases are closed."""
        if isinstance(self.store, DiskStore):
            self.store.close()
        self.manager.start()

    def secret(self) -> str:
        """The key that pages' handles of jobs are signed with, the same in all web processes.

        Raises: JobsError if the store cannot be reached.
        """
        return self.store.secret(lambda: secrets.token_hex(32).encode()).decode()

    def secret_at_start(self) -> str:
        """The same, once the store can be reached: a web process may start before its Redis does."""
        while True:
            try:
                return self.secret()
            except JobsError as error:
                _log.warning("Waiting to begin. %s", error)
                time.sleep(_RETRY_SECONDS)

    def works(self) -> bool:
        """Whether jobs can run on this machine and keep their results at the moment.

        Raises: OSError if the slots' lock files cannot be opened.
        """
        self.n_running()
        return self.store.works()

    def n_running(self) -> int:
        """The number of jobs that compute on this machine.

        Raises: OSError if the slots' lock files cannot be opened.
        """
        return self._machine.slots.n_held()

    def n_waiting(self) -> int | None:
        """The number of jobs that wait, on this machine or for a worker; None if the store cannot be reached.

        Raises: OSError if the slots' lock files cannot be opened.
        """
        here = self._machine.queue.n_held() - self._machine.slots.n_held()
        return here + self.store.n_waiting() if self.store.works() else None

    def show(self, task: Task, question: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
        """The complete or else the partial result of a task, None if there is neither; and an offer to compute it.

        question: what the page sends back so that the same task is run. The offer contains it. For a complete result,
        it also contains the seconds that it took (kept), whether the time limit ended the job (ended), and the number
        of threads that computed it (threads). Otherwise it contains the expected seconds (seconds, None if unknown, and
        most, which may be as long as the limit), whether the job starts without a click (automatic), and why it cannot
        be started (refused).
        """
        try:
            return self._show(task, question)
        except JobsError:  # the page is told when it starts the job
            return None, {"question": question, "seconds": None, "most": None, "automatic": False, "refused": ""}

    def _show(self, task: Task, question: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        machine = self._machine
        if (kept := machine.results.complete(task)) is not None:
            offer = {"question": question, "kept": kept.seconds, "ended": kept.ended, "threads": kept.threads}
            return task.result(kept.arrays), offer
        partial = machine.results.partial(task)
        expected = machine.estimates.expected(task)
        refused = machine.refusal(task, expected)
        quick = expected is None or expected.usual <= AUTOMATIC_SECONDS
        offer = {
            "question": question,
            "seconds": None if expected is None else expected.least,
            "most": None if expected is None else min(expected.most, machine.timeout),
            "automatic": quick and not refused and self._idle(),
            "refused": refused,
        }
        return None if partial is None else task.result(partial), offer

    def register(self, app: Dash, name: str, task_of: TaskOf) -> None:
        """Register the background callback of a panel. task_of: raises AnalysisError for a malformed question."""
        ids = JobIds(name)

        @app.callback(
            Output(ids.done, "data"),
            Input(ids.start, "data"),
            background=True,
            manager=self.manager,
            interval=_POLL_MS,
            progress=[Output(ids.tick, "data")],
            cancel=[Input(ids.cancel, "n_clicks")],
            prevent_initial_call=True,
            on_error=_outcome_of_error,
        )
        def run(set_progress: SetProgress, start: Any) -> dict[str, Any]:
            return self.run(task_of, start, set_progress, panel=name)

    def run(self, task_of: TaskOf, start: Any, set_progress: SetProgress, *, panel: str = "") -> dict[str, Any]:
        """In the job's process: run the job that a page has asked for; see `run_job`."""
        return run_job(self._machine, task_of, start, set_progress, panel=panel)


def _outcome_of_error(error: Exception) -> dict[str, Any]:
    """The outcome of a request whose job could not be started."""
    (start,) = ctx.inputs.values()
    if start is None:
        raise error  # the request follows a running job, and will be repeated
    return outcome(start, "error", user_message(error))
