"""WSGI entry point: `gunicorn dashboard.server:server --config python:dashboard.serving.gunicorn`."""

from dashboard.app import create_app
from dashboard.monitoring import json_log
from dashboard.serving.lifecycle import prepare_to_fork
from dashboard.settings import Settings

settings = Settings.from_environment()
json_log.configure(settings.log_level)
app = create_app(settings)
server = app.server
prepare_to_fork(app)
