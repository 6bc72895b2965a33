"""What a person is told of what went wrong."""

import logging
import secrets

from analysis.errors import AnalysisError

_log = logging.getLogger(__name__)


def said(error: Exception) -> str:
    """The words of an error that is meant for people; a bug is logged, and its words name the number to find it by."""
    if isinstance(error, AnalysisError):
        return str(error)
    number = secrets.token_hex(4)
    _log.error("Reference %s", number, exc_info=error)
    return f"Something went wrong on the server, and it was logged under the number {number}. Try again."
