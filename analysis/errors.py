"""Exceptions for requests that cannot be met; their messages are shown to the user.

AnalysisError
├── TextError        the text cannot be read: empty, too long, not text
├── ModelError       the model is unknown, of an unsupported family, or unreadable
├── NotLoaded        the model's weights are not in memory: not on this machine, or still loading
└── SelectionError   the selected part, position or token does not exist

Every message says what was requested, what is possible, and what to do. Any other exception is a bug.
"""

from typing import Any, get_args

_MOST_SHOWN = 60  # characters of a value that is refused


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


def check_choice(value: object, choices: Any, what: str) -> None:
    """Validation of a choice: refuses a value that is not among the words of a `Literal`.

    Parameters
    ----------
    choices: a `Literal` of strings.
    what: what is chosen, as in "the attention view".

    Raises
    ------
    SelectionError: the value is none of them; the message lists them.
    """
    words = get_args(choices)
    if value not in words:
        shown = str(value)[:_MOST_SHOWN]
        raise SelectionError(f"There is no ‘{shown}’ for {what}. Choose {', '.join(words[:-1])} or {words[-1]}.")
