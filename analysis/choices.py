"""Validation of choices: a knob's value must be one of the words of its `Literal`."""

from typing import Any, get_args

from analysis.errors import SelectionError

_MOST_SHOWN = 60  # characters of a value that is refused


def check_choice(value: object, choices: Any, what: str) -> None:
    """Refuse a value that is not among the choices.

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
