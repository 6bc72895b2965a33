"""Exceptions for requests that cannot be met; their messages are shown to the user.

AnalysisError
├── TextError        the text cannot be read: empty, too long, not text
├── ModelError       the model is unknown, of an unsupported family, or unreadable
├── NotLoaded        the model's weights are not in memory: not on this machine, or still loading
└── SelectionError   the selected part, position or token does not exist

Every message says what was requested, what is possible, and what to do. Any other exception is a bug.
"""


class AnalysisError(Exception):
    """A request that cannot be met; the message is shown to the user."""


class TextError(AnalysisError):
    """The text cannot be read."""


class ModelError(AnalysisError):
    """The model cannot be used."""


class NotLoaded(AnalysisError):
    """The model's weights are not in memory. Its architecture can be shown without them."""


class SelectionError(AnalysisError):
    """The selection does not exist in this model or text."""
