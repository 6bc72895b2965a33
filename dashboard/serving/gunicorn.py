"""How gunicorn serves the page: `gunicorn dashboard.server:server --config python:dashboard.serving.gunicorn`."""

import os
import shutil
import tempfile
from typing import Any

from dashboard.monitoring.json_log import settings_of_logging
from dashboard.settings import Settings
from dashboard.web.admission import N_THREADS

worker_class = "gthread"
threads = N_THREADS
preload_app = True  # all processes share what is imported, and one that was killed is there again at once
timeout = 60  # seconds without a sign of life of a process, not of an answer
graceful_timeout = 25  # seconds to finish requests in; many hosts end a process after 30
keepalive = 75  # seconds; longer than proxies keep their connections
logconfig_dict = settings_of_logging(Settings.from_environment().log_level)
# In memory: a sign of life must not wait for a disk, and counts must not fail when it is full.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
_counts = tempfile.mkdtemp(prefix="explorer-", dir=worker_tmp_dir)
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_counts}"]  # where all processes count together, for `/metrics`


def on_exit(_server: Any) -> None:
    """When all processes have ended."""
    shutil.rmtree(_counts, ignore_errors=True)


def post_fork(_server: Any, _worker: Any) -> None:
    """In each process that is to serve, before its first thread."""
    from dashboard.app import begin
    from dashboard.server import app

    begin(app)
