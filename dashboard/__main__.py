"""`python -m dashboard`: serve the page on this machine."""

import argparse
import logging

from dashboard.settings import Settings


def main() -> None:
    """Read the command line, say the address, serve."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="Serve the LLM Architecture Explorer.")
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        parser.error(str(error))
    parser.add_argument("--port", type=int, default=settings.port, help="port to listen on (default: %(default)s)")
    parser.add_argument("--host", default=settings.host, help="address to listen on (default: %(default)s)")
    parser.add_argument("--debug", action="store_true", help="reload on changes and show errors in the page")
    given = parser.parse_args()
    from dashboard.app import create_app, make_ready  # after the arguments: --help and mistakes answer at once

    app = create_app(settings)
    make_ready(app)
    logging.getLogger("werkzeug").setLevel(logging.INFO if given.debug else logging.ERROR)
    print(f"LLM Architecture Explorer: http://{given.host}:{given.port}", flush=True)
    app.run(host=given.host, port=given.port, debug=given.debug)


if __name__ == "__main__":
    main()
