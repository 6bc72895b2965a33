"""Lesson 5: what a neuron does."""

import numpy as np

from analysis.attribution import compute_attribution
from analysis.causes.intervention import Intervention, write_interventions
from analysis.causes.role import compute_role
from analysis.effect import compute_effect
from analysis.lessons.lesson import Claim, Lesson, LessonView, Subject, decimal, percent, quoted
from analysis.selection import Part, Selection
from analysis.trace import Trace

TITLE = "What a neuron does"
_TEXT = "The king was old. He had a daughter. She was very kind to the birds."
_ENDS = "Where is the king? He is in the garden. How happy he is! Mr. Fox is with him; they sing."
_SILENT = 0.2  # of the strongest value
_FEW = 0.1  # of the neurons
_SPECIAL = 5  # times any value elsewhere
_CLEAR = 1.0  # logits


def what_a_neuron_does(subject: Subject) -> Lesson:
    """The neuron that writes most towards the prediction after the text's last token."""
    trace = subject.trace(_TEXT)
    block, neuron = strongest_neuron(subject, trace)
    views = _few, _one_kind, _other_signs, _writes, _removed
    return Lesson(TITLE, tuple(view(subject, trace, block, neuron) for view in views))


def strongest_neuron(subject: Subject, trace: Trace) -> tuple[int, int]:
    """Block and number of the neuron with the largest share in the logit of the first choice after the last token."""
    shares = []
    for block in range(trace.info.n_blocks):
        result = compute_attribution(subject.model, trace, Selection(Part.MLP, block), trace.n_positions - 1)
        assert result.neurons is not None
        shares.append(result.neurons)
    block, neuron = divmod(int(np.argmax(shares)), trace.info.n_neurons)
    return block, neuron


def _view(
    name: str, trace: Trace, block: int, neuron: int, panel: str, *sentences: str | Claim, **settings: str
) -> LessonView:
    select = f"block.{block}.mlp.neuron.{neuron}@{trace.n_positions - 1}"
    return LessonView(name, sentences, trace.prompt.text, select, (panel,), settings)


def _few(subject: Subject, trace: Trace, block: int, neuron: int) -> LessonView:
    values = np.abs(trace.neurons(block, at=-1))
    loud = int((values > _SILENT * values.max()).sum())
    facts = f"at the last {quoted(trace.tokens[-1])}, {loud} of the {len(values):,} neurons of block {block} have more "
    facts += f"than a fifth of the strongest value, {decimal(float(values.max()))}"
    return _view(
        "Few speak at a time",
        trace,
        block,
        neuron,
        "activation",
        "An MLP works on one token at a time, by way of neurons, each with a value that scales what it writes.",
        Claim(
            loud < _FEW * len(values),
            f"Most are close to silent: {facts}.",
            f"In this model many speak at once: {facts}.",
        ),
    )


def _one_kind(subject: Subject, trace: Trace, block: int, neuron: int) -> LessonView:
    values = trace.neurons(block, at=np.s_[:, neuron])
    same = trace.token_ids == trace.token_ids[-1]
    least, other = float(values[same].min()), float(values[~same].max())
    name = quoted(trace.tokens[-1])
    facts = f"at the {int(same.sum())} tokens {name} its value is at least {decimal(least)}, and elsewhere at most "
    facts += decimal(other)
    return _view(
        "One neuron, one occasion",
        trace,
        block,
        neuron,
        "activation",
        f"Neuron {neuron} of block {block} writes most towards the prediction here; bars show its value at each token.",
        Claim(
            least > _SPECIAL * max(other, 0.1),
            f"It answers to one thing: {facts}.",
            f"In this model it does not answer to one thing: {facts}.",
        ),
    )


def _other_signs(subject: Subject, _trace: Trace, block: int, neuron: int) -> LessonView:
    trace = subject.trace(_ENDS)
    labels = [token.label for token in trace.tokens]
    values = trace.neurons(block, at=np.s_[:, neuron])
    short = labels.index("·Mr") + 1  # the full stop of “Mr.”, which ends nothing
    ends = {n: float(values[n]) for n, label in enumerate(labels) if label in (".", "?", "!") and n != short}
    by_sign = {labels[n]: min(value for m, value in ends.items() if labels[m] == labels[n]) for n in ends}
    rest = float(np.delete(values, [*ends, short]).max())
    facts = ", ".join(f"‘{sign}’ {decimal(value)}" for sign, value in by_sign.items())
    facts += f" at least; the full stop of ‘Mr.’ {decimal(float(values[short]))}; all else at most {decimal(rest)}"
    least = min(ends.values())
    return _view(
        "Only the full stop?",
        trace,
        block,
        neuron,
        "activation",
        "What a neuron answers to is known only when other texts have been tried.",
        Claim(
            least > float(values[short]) and least > _SPECIAL * max(rest, 0.1),
            f"This one marks the ends of sentences, whatever the sign: {facts}.",
            f"In this model it does not mark the ends of sentences: {facts}.",
        ),
    )


def _writes(subject: Subject, trace: Trace, block: int, neuron: int) -> LessonView:
    position = trace.n_positions - 1
    selection = Selection(Part.MLP, block, neuron=neuron, position=position)
    role = compute_role(subject.model, trace, selection, position)
    best, _ = subject.prediction(trace, position)
    result = compute_attribution(subject.model, trace, selection, position)
    assert role is not None
    assert result.neurons is not None
    share = float(result.neurons[neuron])
    names = ", ".join(quoted(piece) for piece, _ in role.raised)
    capital = all(piece.label.removeprefix("·")[:1].isupper() for piece, _ in role.raised)
    facts = f"it raises {names} most, and the first choice, {quoted(best)}, by {decimal(share)} logits"
    return _view(
        "What it writes",
        trace,
        block,
        neuron,
        "summary",
        "A neuron always writes the same vector; the card, enlarged here, shows which tokens that raises.",
        Claim(
            capital and share > _CLEAR,
            f"This one says that a sentence begins: {facts}.",
            f"In this model it says nothing of the kind: {facts}.",
        ),
        large="left",  # the dock of the card, which is whole there
    )


def _removed(subject: Subject, trace: Trace, block: int, neuron: int) -> LessonView:
    gone = [Intervention(block, "neuron", neuron, None, "mean")]
    result = compute_effect(
        subject.model, trace, trace.n_positions - 1, interventions=gone, derived=subject.derived(trace)
    )
    before, after = result.before.probability, result.after.probability
    facts = f"without it the logit of {quoted(result.target)} changes by {decimal(result.effect)}, but its probability "
    facts += f"goes from {percent(before)} only to {percent(after)}"
    return _view(
        "Without it",
        trace,
        block,
        neuron,
        "effect",
        "A neuron with a clear task is not yet a neuron that decides.",
        Claim(
            result.effect < -_CLEAR / 2 and abs(before - after) < 0.1 * before,
            f"This one raised all beginnings alike: {facts}.",
            f"In this model: {facts}.",
        ),
        **{"effect-removed": write_interventions(gone)},
    )
