"""What a WSGI server imports: `gunicorn dashboard.server:server`."""

from dashboard.app import create_app, make_ready

app = create_app()
server = app.server
make_ready(app)
