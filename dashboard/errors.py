"""Error messages for visitors: the text of an AnalysisError; for a bug, the number under which it is logged."""

import logging
import secrets

from analysis.errors import AnalysisError

_log = logging.getLogger(__name__)


def user_message(error: Exception) -> str:
    """The message to show for an error. A bug is logged under a number, which the message gives."""
    if isinstance(error, AnalysisError):
        return str(error)
    number = secrets.token_hex(4)
    _log.error("Reference %s", number, exc_info=error)
    return f"Something went wrong on the server. The error is logged under the number {number}. Try again."
