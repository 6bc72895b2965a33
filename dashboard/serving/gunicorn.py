"""gunicorn's configuration: `gunicorn dashboard.server:server --config python:dashboard.serving.gunicorn`."""

import os
import shutil
import tempfile
from typing import Any

from gunicorn.glogging import Logger

from dashboard.monitoring.json_log import logging_config
from dashboard.settings import Settings
from dashboard.web.admission import N_THREADS


class ErrorLog(Logger):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's log of itself; the request log (`monitoring/request_log.py`) has a line for each request."""

    access_log_enabled = False


logger_class = ErrorLog
worker_class = "gthread"
threads = N_THREADS
preload_app = True  # all processes share the imported modules, and one that was killed is replaced at once
timeout = 60  # seconds without a heartbeat of a process; not a limit for a response
graceful_timeout = 25  # seconds to finish requests at shutdown; many hosts kill a process after 30
keepalive = 75  # seconds; longer than proxies keep their connections open
logconfig_dict = logging_config(Settings.from_environment().log_level)
# In memory: a heartbeat must not wait for a disk, and counters must not fail when it is full.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
_counters = tempfile.mkdtemp(prefix="explorer-", dir=worker_tmp_dir)
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_counters}"]  # where all processes count together, for `/metrics`


def on_exit(_server: Any) -> None:
    """Clean up, when all processes have ended."""
    shutil.rmtree(_counters, ignore_errors=True)


def post_fork(_server: Any, _worker: Any) -> None:
    """Start a worker process, before its first thread."""
    from dashboard.server import app
    from dashboard.serving.lifecycle import start_process

    start_process(app)
