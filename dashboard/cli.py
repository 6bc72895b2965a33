"""Command line: serve the page on this machine, write a static copy, list the models, or hash a password."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from dashboard.settings import Settings


def main() -> int:
    """Run the command of the command line, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="Serve the LLM Architecture Explorer.")
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        parser.error(str(error))
    _add_arguments(parser, settings)
    given = parser.parse_args()
    # Slow imports come after the arguments are read, so that --help and mistakes are answered quickly.
    from analysis.errors import ModelError
    from dashboard import commands
    from dashboard.snapshot.sessions import SessionError
    from dashboard.storage.private_folder import FolderError

    try:
        if given.command == "models":
            return commands.print_models(settings)
        if given.command == "download":
            return commands.download(settings, given.name)
        if given.command == "hash-password":
            return commands.hash_password()
        if given.command == "export-site":
            from dashboard.snapshot.export_site import export_site

            return export_site(settings, given.folder, session=given.session, model=given.model)
        _serve(settings, given)
    except (ModelError, SessionError, FolderError) as error:
        parser.error(str(error))
    return 0


def _add_arguments(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--port", type=int, default=settings.port, help="port to listen on (default: %(default)s)")
    parser.add_argument("--host", default=settings.host, help="address to listen on (default: %(default)s)")
    parser.add_argument("--model", help="model to open with: a name on the list, a folder, a GGUF file, or a hub id")
    parser.add_argument("--text", help="text to open with")
    parser.add_argument("--session", metavar="FILE", type=Path, help="file of views to open on, saved from the page")
    parser.add_argument("--debug", action="store_true", help="reload on changes and show errors in the page")
    commands = parser.add_subparsers(dest="command", metavar="", title="commands (without one, the page is served)")
    commands.add_parser("models", help="list the models and their states")
    download = commands.add_parser("download", help="download a model")
    download.add_argument(
        "name", metavar="NAME", help="a name on the list, or an id on the hub, such as owner/name@revision"
    )
    site = commands.add_parser("export-site", help="write a folder of plain files that shows views without a server")
    site.add_argument("folder", metavar="FOLDER", type=Path, help="a new folder, an empty one, or an earlier export")
    site.add_argument(
        "--session",
        metavar="FILE",
        type=Path,
        default=argparse.SUPPRESS,
        help="file of the views, saved from the page (default: the lessons)",
    )
    commands.add_parser("hash-password", help="print an entry for BASIC_AUTH_USERS")


def _serve(settings: Settings, given: argparse.Namespace) -> None:
    """Print the address and serve the page.

    Raises: ModelError if the model to open with cannot be shown; SessionError if the session cannot be read.
    """
    from dashboard.app import create_app
    from dashboard.models.menu import configured_models, with_first
    from dashboard.monitoring import json_log
    from dashboard.serving.bundle import files
    from dashboard.serving.lifecycle import prepare_to_fork, start_process
    from dashboard.snapshot.sessions import load_session, session_warnings
    from dashboard.web.client import is_loopback

    if not given.debug:
        json_log.configure(settings.log_level)
    models = configured_models(settings)
    session = load_session(given.session) if given.session else None
    app = create_app(
        settings,
        models=with_first(models, given.model) if given.model else models,
        example=given.text,
        session=session,
        # Behind a proxy others reach it, too, and workers on other machines would not find what is opened on this one.
        local=is_loopback(given.host) and not settings.trusted_proxies and not settings.redis_url,
    )
    if session:
        for warning in session_warnings(session, app.registry):
            print(warning, file=sys.stderr)
    prepare_to_fork(app)
    start_process(app)
    logging.getLogger("werkzeug").setLevel(logging.INFO if given.debug else logging.ERROR)
    print(f"LLM Architecture Explorer: http://{given.host}:{given.port}", flush=True)
    app.run(host=given.host, port=given.port, debug=given.debug, extra_files=[*files("js"), *files("css")])
