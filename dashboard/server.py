"""What a WSGI server imports: `gunicorn dashboard.server:server --config python:dashboard.gunicorn`."""

from dashboard import logs
from dashboard.app import create_app, make_ready
from dashboard.settings import Settings

settings = Settings.from_environment()
logs.configure(settings.log_level)
app = create_app(settings)
server = app.server
make_ready(app)
