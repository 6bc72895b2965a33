"""The six lessons, in their order."""

from collections.abc import Callable

from analysis.lessons import answer, copying_heads, looking_back, one_neuron, pieces, reasons
from analysis.lessons.lesson import Lesson, Subject

# By name: the title, and what computes the lesson on a model.
LESSONS: dict[str, tuple[str, Callable[[Subject], Lesson]]] = {
    "pieces": (pieces.TITLE, pieces.what_a_token_is),
    "looking-back": (looking_back.TITLE, looking_back.attention_looks_back),
    "copying-heads": (copying_heads.TITLE, copying_heads.two_heads_that_copy),
    "answer": (answer.TITLE, answer.where_the_answer_forms),
    "one-neuron": (one_neuron.TITLE, one_neuron.what_a_neuron_does),
    "reasons": (reasons.TITLE, reasons.why_the_model_said_that),
}
