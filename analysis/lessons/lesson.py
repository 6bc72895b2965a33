"""Lesson: views of a model with two sentences each. What a sentence claims is checked on the model first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from analysis.causes.head_scores import ScoreName, compute_head_scores, probe_trace
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.prediction import final_prediction
from analysis.task import Derived, derive_now
from analysis.tokens import Piece
from analysis.trace import Float, Prompt, Trace

Head = tuple[int, int]  # block and number
COPIES = 0.4  # induction score on the probe from which a head counts as an induction head
A_STORY = "Once upon a time there was a little girl who lived in a cottage near the great forest."
TWICE = "the wolf ate the red apple near the river and the wolf ate the red apple near the river"


@dataclass(frozen=True)
class Claim:
    """A sentence that is true of some models, with the numbers of this one.

    Attributes
    ----------
    holds
        Whether it is true of this model.
    words
        The sentence.
    otherwise
        What is said of a model for which it is not true.
    """

    holds: bool
    words: str
    otherwise: str

    def __str__(self) -> str:
        return self.words if self.holds else self.otherwise


@dataclass(frozen=True)
class LessonView:
    """A view of the page with a name and a note.

    Attributes
    ----------
    name
        A few words.
    sentences
        The note, of which each claim is checked.
    text, select
        What is analysed, and the text form of what is selected.
    panels
        Names of the panels that show it, the most important one last: a phone shows only that one.
    settings
        Values of the page's controls that differ from those that it opens with, by id.
    marked
        Name of the panel that the sentences speak of, if it is not the last of `panels`.
    """

    name: str
    sentences: tuple[str | Claim, ...]
    text: str
    select: str
    panels: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    marked: str = ""

    @property
    def about(self) -> str:
        """Name of the panel that the sentences speak of."""
        return self.marked or self.panels[-1]

    @property
    def note(self) -> str:
        """The sentences that are said of this model."""
        return " ".join(map(str, self.sentences))


@dataclass(frozen=True)
class Lesson:
    """A title and its views, in order."""

    title: str
    views: tuple[LessonView, ...]

    @property
    def claims(self) -> list[Claim]:
        """The claims of all views."""
        return [said for view in self.views for said in view.sentences if isinstance(said, Claim)]


@dataclass(frozen=True, eq=False)
class Subject:
    """The model that a lesson is about.

    Attributes
    ----------
    model
        The network.
    trace
        The trace of a text, from a cache or computed now.
    derived
        Of a trace, what keeps its slow arrays.
    """

    model: LanguageModel
    trace: Callable[[str], Trace]
    derived: Callable[[Trace], Derived] = lambda _trace: derive_now

    def head_scores(self, trace: Trace | None = None) -> dict[ScoreName, Float]:
        """The scores of all heads on a text; without one, on the probe."""
        read = probe_trace(self.model) if trace is None else trace
        return compute_head_scores(read, derived=self.derived(read))

    def best_head(self, score: ScoreName, trace: Trace | None = None) -> Head:
        """The head with the highest score on a text; without one, on the probe."""
        return highest(self.head_scores(trace)[score])

    def prediction(self, trace: Trace, position: int) -> tuple[Piece, float]:
        """The most probable next token after a position, and its probability."""
        return final_prediction(self.model, trace, position).top[0]


def subject_of(model: LanguageModel) -> Subject:
    """A model whose traces are computed when they are asked for, once each."""
    return Subject(model, cache(lambda text: compute_trace(model, Prompt(model.name, text))))


def highest(scores: Float) -> Head:
    """Block and head of the highest score."""
    block, head = divmod(int(scores.argmax()), scores.shape[1])
    return block, head


def head_text(head: Head) -> str:
    """The selection of a head."""
    return f"block.{head[0]}.attention.head.{head[1]}"


def head_words(head: Head) -> str:
    """A head in a sentence."""
    return f"head {head[1]} of block {head[0]}"


def percent(share: float) -> str:
    """A share from 0 to 1; close to the ends, that it is not quite 0 or 100%."""
    if share >= 0.995:
        return "over 99%"
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def decimal(value: float) -> str:
    """A number with one decimal, and a true minus sign."""
    return f"{round(value, 1) + 0:.1f}".replace("-", "−")  # never −0.0


def quoted(piece: Piece) -> str:
    """A token in a sentence."""
    return f"‘{piece.label}’"
