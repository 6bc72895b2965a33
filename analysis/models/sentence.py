"""What a notebook asks about a sentence: its trace, and the numbers, tokens and parts that were given, checked."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from operator import index
from typing import Any

from analysis.errors import SelectionError, TextError
from analysis.models.forward import compute_trace, fitting_prompt
from analysis.models.language_model import LanguageModel
from analysis.models.open import ModelLike, open_model
from analysis.numerics.nonfinite import warn_of_nonfinite
from analysis.selection import Part, Selection
from analysis.trace import Prompt, Trace, read_written


class Sentence(str):
    """A text that is read in another way than a plain one, by every function that takes a sentence.

    start: whether the model's start token is put before it. chat: whether it is put into the chat template. written:
    token ids that follow its own tokens, such as those that the model has written.
    """

    start: bool
    chat: bool
    written: tuple[int, ...]

    def __new__(cls, text: str, *, start: bool = False, chat: bool = False, written: Sequence[int] = ()) -> "Sentence":
        """Raises: TextError for token ids that are none."""
        made = super().__new__(cls, text)
        made.start, made.chat, made.written = start, chat, read_written(list(written))
        return made

    def prompt(self, model: str) -> Prompt:
        """The sentence as a prompt for a model."""
        return Prompt(model, str(self), start=self.start, chat=self.chat, written=self.written)


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
    asked = sentence.prompt(shown.name) if isinstance(sentence, Sentence) else Prompt(shown.name, sentence)
    trace = compute_trace(shown, fitting_prompt(shown, asked))
    warn_of_nonfinite(shown, trace, frames=frames + 1)
    last = trace.n_positions - 1
    return shown, trace, last if position is None else checked_number("position", position, trace.n_positions)


def read_part(
    trace: Trace, select: str | None, position: int | None, target: int | None = None
) -> tuple[Selection, int]:
    """The selection that a text names, by default the output, with the target; and the position.

    A position or a target that is given takes the place of the selection's own.
    Raises: SelectionError if the text is no selection, or names what the model or the sentence does not have.
    """
    part = Selection(Part.OUTPUT) if select is None else Selection.parse(select).checked(trace.info, trace.n_positions)
    if position is not None:
        part = replace(part, position=None if select is None else position)
    here = part.position if position is None else position
    part = part if target is None else replace(part, target=target)
    return part, trace.n_positions - 1 if here is None else here


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
