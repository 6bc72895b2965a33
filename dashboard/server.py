"""What a WSGI server imports: `gunicorn dashboard.server:server`."""

from dashboard.app import create_app

app = create_app()
server = app.server
# Dash registers the page's scripts when it renders the index; a process that has not yet done so could not serve them.
server.test_client().get("/")
