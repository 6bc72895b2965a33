"""What a WSGI server imports: `gunicorn dashboard.server:server`."""

import gc

from dashboard.app import create_app

app = create_app()
server = app.server
# Dash registers the page's scripts when it renders the index; a process that has not yet done so could not serve them.
server.test_client().get("/")
# What is there now stays: a collection in a forked job would copy all of it.
gc.collect()
gc.freeze()
