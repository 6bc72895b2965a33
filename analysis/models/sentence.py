"""What a notebook asks about a sentence: its trace, and the numbers and tokens that were given, checked."""

from contextlib import suppress
from operator import index
from typing import Any

from analysis.errors import SelectionError, TextError
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.models.open import ModelLike, open_model
from analysis.numerics.nonfinite import warn_of_nonfinite
from analysis.trace import Prompt, Trace


def read_sentence(
    model: ModelLike, sentence: str, position: int | None, *, frames: int = 2
) -> tuple[LanguageModel, Trace, int]:
    """The model, the trace of the sentence, and the position, by default the last.

    Warns a notebook if values are not finite; its call is so many `frames` above this function.
    Raises: AnalysisError for a model, a sentence or a position that cannot be shown.
    """
    shown = open_model(model)
    if not isinstance(sentence, str):
        raise TextError(f"The sentence must be a text in quotation marks, not of type {type(sentence).__name__}.")
    trace = compute_trace(shown, Prompt(shown.name, sentence))
    warn_of_nonfinite(shown, trace, frames=frames + 1)
    last = trace.n_positions - 1
    return shown, trace, last if position is None else checked_number("position", position, trace.n_positions)


def checked_number(what: str, number: Any, count: int) -> int:
    """The number, checked to be an integer from 0 to `count` - 1.

    Raises: SelectionError if it is none.
    """
    with suppress(TypeError):  # not an integer
        if 0 <= index(number) < count:
            return index(number)
    raise SelectionError(f"There is no {what} {number!r}. Choose a {what} from 0 to {count - 1}.")


def checked_token(token: int | str, model: LanguageModel) -> int:
    """The id of a token that is given by its id or its exact text.

    Raises: SelectionError if there is none, or several have the text.
    """
    if isinstance(token, str):
        return model.vocabulary.only_id(token)
    return checked_number("token id", token, model.info.n_vocab)
