"""Celery entry point: `celery -A dashboard.serving.worker worker`, with the REDIS_URL of the server."""

from celery import Celery
from celery.signals import setup_logging
from dash import CeleryManager

from dashboard.app import create_app
from dashboard.monitoring import json_log
from dashboard.serving.lifecycle import prepare_to_fork
from dashboard.settings import Settings

settings = Settings.from_environment()
if not settings.redis_url:
    raise SystemExit("A worker needs REDIS_URL, the Redis that it shares with the server.")
json_log.configure(settings.log_level)
setup_logging.connect(lambda **_: None, weak=False)  # otherwise Celery configures logging itself
_explorer = create_app(settings)
prepare_to_fork(_explorer)
_explorer.jobs.prepare()  # before the first fork of a process that runs jobs
_manager = _explorer.jobs.manager
assert isinstance(_manager, CeleryManager), "with REDIS_URL, Celery runs the jobs"
app: Celery = _manager.handle
