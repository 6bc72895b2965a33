"""What can go wrong with a request, said in the words of the person who asked.

AnalysisError
├── TextError        the text cannot be read: empty, too long, not text
├── ModelError       the model is unknown, of an unknown family, or not readable
├── NotLoaded        the model's weights are not in memory: not on this machine, or on their way
└── SelectionError   the selected part, position or token does not exist

Every message says what was asked, what is possible, and what to do. Anything that is not an AnalysisError is a bug.
"""


class AnalysisError(Exception):
    """A request that cannot be met; the message is shown to the person."""


class TextError(AnalysisError):
    """The text cannot be read."""


class ModelError(AnalysisError):
    """The model cannot be used."""


class NotLoaded(AnalysisError):
    """The model is known, but its weights are not in memory; its architecture can be shown without them."""


class SelectionError(AnalysisError):
    """The selection does not exist in this model or text."""
