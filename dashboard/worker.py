"""What Celery imports to run jobs: `celery -A dashboard.worker worker`, with the server's REDIS_URL."""

import gc

from celery import Celery

from dashboard.app import create_app
from dashboard.settings import Settings

settings = Settings.from_environment()
if not settings.redis_url:
    raise SystemExit("A worker needs REDIS_URL, the Redis that it shares with the server.")
app: Celery = create_app(settings).server.extensions["jobs"].manager.handle
gc.collect()
gc.freeze()
