"""What Celery imports to run jobs: `celery -A dashboard.serving.worker worker`, with the server's REDIS_URL."""

from celery import Celery
from celery.signals import setup_logging

from dashboard.app import create_app, make_ready
from dashboard.monitoring import json_log
from dashboard.settings import Settings

settings = Settings.from_environment()
if not settings.redis_url:
    raise SystemExit("A worker needs REDIS_URL, the Redis that it shares with the server.")
json_log.configure(settings.log_level)
setup_logging.connect(lambda **_: None, weak=False)  # else Celery would do so in its own way
_page = create_app(settings)
make_ready(_page)
_page.server.extensions["jobs"].prepare()  # before the processes are forked that run jobs
app: Celery = _page.server.extensions["jobs"].manager.handle
