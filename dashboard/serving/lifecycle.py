"""Life cycle of the server's processes: what is done once before the first fork, and what in each process after it."""

from __future__ import annotations

import gc
from contextlib import suppress

from dash import Dash

from analysis.errors import AnalysisError
from analysis.machine.memory import release_free_memory
from analysis.models.catalogue import BUNDLED
from dashboard.app import Explorer
from dashboard.web.compression import compress_files

# Until a collection looks at them. Python's default, 700, collects during every click, when nothing can be freed yet.
_NEW_OBJECTS = 20_000


def prepare_to_fork(app: Explorer) -> None:
    """Finish all that processes share. To be called once, after the last import, before the first thread and fork."""
    # Otherwise Dash generates a secret for this process alone, if the store cannot be reached at this moment.
    app.server.secret_key = app.jobs.secret_at_start()
    # Dash registers the page's scripts when it renders the index; a process that has not done so cannot serve them.
    with app.server.test_request_context():
        document = Dash.index(app)
    compress_files(app.server, document)
    # In 0.2 s; others would keep the page waiting. Loading in a forked process copies 13 MB of what processes share.
    if app.registry.names()[0] == BUNDLED:
        with suppress(AnalysisError, OSError, MemoryError):  # which the page shows
            app.registry.get(BUNDLED)
    # Objects that exist now are never collected: a collection in a forked process would copy all of them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    release_free_memory()  # that imports needed, before each process keeps a copy of it


def start_process(app: Explorer) -> None:
    """Start serving in this process. The page is there while a model that is not loaded yet is loaded by a thread."""
    app.jobs.start()
    with suppress(AnalysisError):  # which the page shows
        app.registry.get_nowait(app.registry.names()[0])
