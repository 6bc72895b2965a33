"""The numbers in the lessons' sentences, each computed a second time from the bare network."""

from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch

from analysis.lessons.all_lessons import LESSONS
from analysis.lessons.lesson import Lesson, LessonView, Subject
from analysis.models.language_model import LanguageModel
from analysis.saliency import compute_saliency
from tests.analysis.causes.bare import Bare

pytestmark = pytest.mark.long  # with the bundled model

INDUCTION = [(2, 0), (3, 7), (4, 0), (4, 4), (4, 7)]


class Network:
    """What the bare network computes of a text."""

    def __init__(self, model: LanguageModel, text: str) -> None:
        self.bare, self.ids = Bare(model), torch.tensor(model.tokenizer(text)["input_ids"])
        self.pieces = [model.tokenizer.decode([n]) for n in self.ids.tolist()]
        with torch.no_grad():
            out = self.bare.network(self.ids[None], output_attentions=True, output_hidden_states=True)
        self.attention = [one[0] for one in out.attentions]
        self.logits = out.logits[0]
        self.shares = self.logits.softmax(-1)
        self.streams = [one[0] for one in out.hidden_states[:-1]]  # Hugging Face norms the last one
        self.bits = np.array(
            [float("nan"), *(-self.shares[:-1].log2().gather(1, self.ids[1:, None])[:, 0]).tolist()], dtype=np.float64
        )

    def removed(self, unit: Any, block: int, index: int, position: int = -1) -> torch.Tensor:
        """The logits at a position with a head or neuron at its mean."""
        return self.removed_all([(unit, block, index)], position)

    def removed_all(self, parts: list[tuple[Any, int, int]], position: int = -1) -> torch.Tensor:
        means = [self.bare.values(unit, block, self.ids.tolist()).mean(0) for unit, block, _ in parts]
        with ExitStack() as stack:
            for (unit, block, index), mean in zip(parts, means, strict=True):
                columns = self.bare.columns(unit, index)

                def change(values: torch.Tensor, columns: slice = columns, mean: torch.Tensor = mean) -> None:
                    values[:, columns] = mean[columns]

                stack.enter_context(self.bare.changing(unit, block, change))
            return self.bare.logits(self.ids.tolist())[position]

    def written(self, unit: Any, block: int, index: int, position: int, direction: torch.Tensor) -> float:
        """What a head or neuron adds to the logit of a direction, with the final norm's scale held."""
        columns = self.bare.columns(unit, index)
        values = self.bare.values(unit, block, self.ids.tolist())[position, columns]
        transformer = self.bare.network.transformer
        out = transformer.h[block].attn.c_proj if unit == "head" else transformer.h[block].mlp.c_proj
        vector = values @ out.weight[columns]
        seen: list[torch.Tensor] = []
        handle = transformer.ln_f.register_forward_pre_hook(lambda _m, args: seen.append(args[0][0, position]))
        self.bare.logits(self.ids.tolist())
        handle.remove()
        scale = (seen[0].var(correction=0) + transformer.ln_f.eps).sqrt()
        return float(((vector - vector.mean()) / scale * transformer.ln_f.weight) @ direction)


@pytest.fixture(scope="module")
def lessons(bundled: Subject) -> dict[str, Lesson]:
    return {name: compute(bundled) for name, (_, compute) in LESSONS.items()}


def network(bundled: Subject, view: LessonView) -> Network:
    return Network(bundled.model, view.text)


def percent(share: float) -> str:
    return "over 99%" if share >= 0.995 else f"{100 * share:.0f}%" if share >= 0.01 else "under 1%"


def says(view: LessonView, *words: str) -> None:
    assert [one for one in words if one not in view.note] == [], view.note


def tenth(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def test_pieces(bundled: Subject, lessons: dict[str, Lesson]) -> None:
    pieces, surprise, vectors, answer = lessons["pieces"].views
    net = network(bundled, pieces)
    at = net.pieces.index(" extra")
    assert net.pieces[at : at + 3] == [" extra", "ord", "inary"]
    says(pieces, "‘·extraordinary’", *(percent(2 ** -net.bits[at + n]) for n in (1, 2)))
    begins = [n for n, piece in enumerate(net.pieces) if n and piece[0] == " "]
    goes_on = [n for n, piece in enumerate(net.pieces) if n and piece.isalpha()]
    says(surprise, f"cost {tenth(net.bits[begins].mean())} bits", f"with one {tenth(net.bits[goes_on].mean())}.")
    table = net.bare.network.transformer.wte.weight
    king, queen = (table[bundled.model.tokenizer(word)["input_ids"][0]] for word in (" king", " queen"))
    says(vectors, "10 of these 10", f"‘·queen’: {tenth(float(torch.cosine_similarity(king, queen, 0)))})")
    net = network(bundled, answer)
    best = int(net.shares[2].argmax())
    assert bundled.model.tokenizer.decode([best]) == " time"
    says(answer, "“Once upon a”", "‘·time’", percent(float(net.shares[2, best])))


def test_looking_back(bundled: Subject, lessons: dict[str, Lesson]) -> None:
    back, word, nothing, wide = lessons["looking-back"].views
    net = network(bundled, back)
    every = torch.stack(net.attention)  # (block, head, query, key)
    previous = every.diagonal(-1, 2, 3).mean(-1)
    block, head = divmod(int(previous.argmax()), 8)
    says(back, f"head {head} of block {block}", percent(float(previous.max())))
    row = every[:, :, -1, 1:-2]
    best, key = divmod(int(row.argmax()), row.shape[-1])
    assert net.pieces[key + 1] == " girl"
    says(
        word, f"head {best % 8} of block {best // 8}", percent(float(row.max())), f"{len(net.pieces) - 2 - key} tokens"
    )
    first = every[:, :, 1:, 0].mean(-1)
    block, head = divmod(int(first.argmax()), 8)
    says(nothing, f"head {head} of block {block}", percent(float(first.max())))
    assert (block, head) in INDUCTION
    entropy = -torch.xlogy(every, every).sum(-1)[:, :, 1:].mean(-1) / np.log(2)
    for extreme, arg in ((entropy.max(), entropy.argmax()), (entropy.min(), entropy.argmin())):
        says(wide, f"head {int(arg) % 8} of block {int(arg) // 8}", f"({tenth(float(extreme))} bits)")


def test_copying_heads(bundled: Subject, lessons: dict[str, Lesson]) -> None:
    second, one, two, write, together, costly = lessons["copying-heads"].views
    net = network(bundled, second)
    assert net.pieces[1:9] == net.pieces[11:19]
    says(second, f"costs {tenth(net.bits[1:9].mean())} bits", f"and {tenth(net.bits[11:19].mean())} the second")
    assert net.pieces[14:16] == [" red", " apple"]
    assert net.pieces[4:6] == [" red", " apple"]
    says(one, "head 7 of block 0", percent(float(net.attention[0][7, 5, 4])))
    says(two, "head 0 of block 4", percent(float(net.attention[4][0, 14, 5])))
    apple = int(net.ids[15])
    direction = net.bare.network.lm_head.weight[apple]
    total = sum(net.written("head", block, head, 14, direction) for block, head in INDUCTION)
    says(write, "all 5 heads", f"write {tenth(total)} logits", percent(float(net.shares[14, apple])))
    alone, without = net.removed("head", 4, 0, 14), net.removed_all([("head", *head) for head in INDUCTION], 14)
    changes = [float(logits[apple] - net.logits[14, apple]) for logits in (alone, without)]
    says(together, *(f"by {tenth(change)}" for change in changes), f"to {percent(float(without.softmax(-1)[apple]))}")
    logits = net.removed("head", 0, 5, 14)
    vote = net.written("head", 0, 5, 14, direction)
    says(costly, f"by {tenth(float(logits[apple] - net.logits[14, apple]))};", f"vote is {tenth(vote)}.")


def test_the_induction_heads_are_those_that_the_model_card_means(bundled: Subject) -> None:
    """The mean attention to the token after the first occurrence, over random tokens repeated once."""
    ids = torch.randperm(4000, generator=torch.Generator().manual_seed(1))[:50] + 50
    with torch.no_grad():
        found = Bare(bundled.model).network(torch.cat([ids, ids])[None], output_attentions=True).attentions
    scores = torch.stack([one[0, :, 50:, 1:].diagonal(0, 1, 2)[:, :49].mean(-1) for one in found])
    assert [tuple(pair) for pair in (scores > 0.4).nonzero().tolist()] == INDUCTION


def test_answer(bundled: Subject, lessons: dict[str, Lesson]) -> None:
    start, half, appears, everywhere = lessons["answer"].views
    net = network(bundled, start)
    transformer, head = net.bare.network.transformer, net.bare.network.lm_head
    with torch.no_grad():
        lens = [head(transformer.ln_f(stream)) for stream in net.streams] + [net.logits]
    apple = int(net.logits[14].argmax())
    shares = [one[14].softmax(-1) for one in lens]
    says(start, "‘·red’", percent(float(shares[0].max())))
    says(half, f"rank {1 + int((lens[3][14] > lens[3][14, apple]).sum())} of 4,096")
    step = next(n for n, one in enumerate(shares) if int(one.argmax()) == apple)
    says(appears, f"to {percent(float(shares[step][apple]))} in block {step - 1}", percent(float(shares[-1][apple])))
    tops = torch.stack([one.argmax(-1) for one in lens])
    late = int((tops[:4] != tops[-1]).any(0).logical_and(tops[3] != tops[-1]).sum())
    says(everywhere, f"at {late} of {len(net.pieces)} tokens")


def test_one_neuron(bundled: Subject, lessons: dict[str, Lesson]) -> None:
    few, kind, signs, writes, removed = lessons["one-neuron"].views
    net = network(bundled, few)
    best = int(net.logits[-1].argmax())
    direction = net.bare.network.lm_head.weight[best]
    values = net.bare.values("neuron", 5, net.ids.tolist())
    stops = [n for n, piece in enumerate(net.pieces) if piece == "."]
    others = [n for n, piece in enumerate(net.pieces) if piece != "."]
    loud = int((values[-1].abs() > values[-1].abs().max() / 5).sum())
    says(few, f"{loud} of the 1,024 neurons of block 5", f"value, {tenth(float(values[-1].abs().max()))}.")
    says(kind, "Neuron 118 of block 5", f"least {tenth(float(values[stops, 118].min()))}")
    says(kind, f"most {tenth(float(values[others, 118].max()))}.")
    other = network(bundled, signs)
    at = {piece: [] for piece in (".", "?", "!", "Mr.", "")}  # type: dict[str, list[float]]
    for before, piece, value in zip(
        ["", *other.pieces], other.pieces, other.bare.values("neuron", 5, other.ids.tolist())[:, 118], strict=False
    ):
        at["Mr." if before == " Mr" else piece if piece in at else ""].append(float(value))
    says(signs, *(f"‘{sign}’ {tenth(min(at[sign]))}" for sign in ".?!"), f"‘Mr.’ {tenth(at['Mr.'][0])};")
    assert abs(max(at[""])) < 0.05
    says(signs, "most 0.0.")
    says(writes, f"by {tenth(net.written('neuron', 5, 118, -1, direction))} logits")
    without = net.removed("neuron", 5, 118)
    says(removed, f"by {tenth(float(without[best] - net.logits[-1, best]))},")
    says(removed, f"from {percent(float(net.shares[-1, best]))} only to {percent(float(without.softmax(-1)[best]))}.")


def test_reasons(bundled: Subject, lessons: dict[str, Lesson]) -> None:
    question, word, other, part, read, without = lessons["reasons"].views
    net = network(bundled, question)
    she, he = (bundled.model.tokenizer(one)["input_ids"][0] for one in (" She", " He"))
    lead = float(net.logits[-1, she] - net.logits[-1, he])
    says(question, *(percent(float(net.shares[-1, one])) for one in (she, he)), f"lead of {tenth(lead)} logits")
    trace = bundled.trace(word.text)
    lost = compute_saliency(bundled.model, trace, trace.n_positions - 1, target=she, against=he, method="occlusion")
    most = int(lost.attributions.argmax())
    says(word, f"without ‘{trace.tokens[most].label}’", f"falls by {tenth(float(lost.attributions[most]))} logits")
    boy = Network(bundled.model, other.settings["compare-text"]).shares[-1]
    says(other, f"‘·He’ gets {percent(float(boy[he]))}", f"‘·She’ {percent(float(boy[she]))}.")
    direction = net.bare.network.lm_head.weight[she] - net.bare.network.lm_head.weight[he]
    says(part, "head 3 of block 5", f"writes {tenth(net.written('head', 5, 3, -1, direction))}.")
    says(read, percent(float(net.attention[5][3, -1, net.pieces.index(" girl")])))
    leads = [float(one[she] - one[he]) for one in (net.removed("head", 5, 3), net.removed("head", 0, 5))]
    says(without, f"the lead is {tenth(leads[0])} instead of {tenth(lead)}", f"it is {tenth(leads[1])}")
    says(without, f"writes {tenth(net.written('head', 0, 5, -1, direction))} itself")
