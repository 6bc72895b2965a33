"""What a WSGI server imports: `gunicorn dashboard.server:server --config python:dashboard.serving.gunicorn`."""

from dashboard.app import create_app, make_ready
from dashboard.monitoring import json_log
from dashboard.settings import Settings

settings = Settings.from_environment()
json_log.configure(settings.log_level)
app = create_app(settings)
server = app.server
make_ready(app)
