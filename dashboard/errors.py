"""Error messages for people: an analysis error in its own words, a bug under a reference number."""

import logging
import secrets

from analysis.errors import AnalysisError

_log = logging.getLogger(__name__)


def user_message(error: Exception) -> str:
    """The message to show for an error. A bug is logged, and its message names the number under which to find it."""
    if isinstance(error, AnalysisError):
        return str(error)
    number = secrets.token_hex(4)
    _log.error("Reference %s", number, exc_info=error)
    return f"Something went wrong on the server, and it was logged under the number {number}. Try again."
