"""Findings: what stands out in a text, by rules with stated thresholds on attention, direct attribution and scores.

Sources: for copying, Elhage et al. 2021, "A mathematical framework for transformer circuits"; for holding back,
McDougall et al. 2023, "Copy suppression"; for patterns, `analysis.causes.head_scores`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.causes.head_scores import attention_patterns, attention_scores, compute_head_scores
from analysis.causes.shares import Question, direct_shares
from analysis.families import logit_cap
from analysis.models.language_model import LanguageModel
from analysis.task import Arrays, Derived, derive_now
from analysis.tokens import Piece, Token
from analysis.trace import Trace

RepetitionName = Literal["induction", "duplicate"]
MOST = 3  # findings
COPY_ATTENTION = 0.3  # on earlier occurrences of the predicted token
COPY_SHARE = 0.5  # logits
DECISIVE_SHARE = 1.0  # logits
DECISIVE_RATIO = 2  # to the next largest share
REPETITION_SCORE = 0.4
REPETITION_QUERIES = 4  # tokens with the pattern; below, a high score may be chance
REPETITION_RATIO = 3  # to the score of attention that is spread evenly
_VERSION = 1  # raised when the computation of the evidence changes


@dataclass(frozen=True)
class Copy:
    """A head that attends to earlier occurrences of the predicted token, and raises or lowers its logit.

    Attributes
    ----------
    block, head : int
        The head.
    position : int
        The last position, after which the token is predicted.
    target : Piece
        The predicted token.
    n_earlier : int
        The number of its earlier occurrences.
    attention : float
        The head's attention to them in total, 0 to 1.
    share : float
        The head's direct share of the token's logit, in logits; below 0 it holds the token back.
    capped : bool
        Whether the model caps its logits; the share is that of the logit before the cap.
    kind : "copy"
        The rule, by which the classes are told apart.
    """

    block: int
    head: int
    position: int
    target: Piece
    n_earlier: int
    attention: float
    share: float
    capped: bool
    kind: Literal["copy"] = field(default="copy", init=False)


@dataclass(frozen=True)
class Decision:
    """The part with by far the largest share in the lead of the predicted token over the runner-up.

    Attributes
    ----------
    block, head : int
        The part; head is None for the block's MLP.
    position : int
        The last position.
    target, runner_up : Piece
        The most and the second most probable token.
    share : float
        The part's direct share of the difference of their logits; below 0 it favours the runner-up.
    lead : float
        That difference, in logits.
    capped : bool
        Whether the model caps its logits; share and lead are those before the cap.
    kind : "decision"
        The rule, by which the classes are told apart.
    """

    block: int
    head: int | None
    position: int
    target: Piece
    runner_up: Piece
    share: float
    lead: float
    capped: bool
    kind: Literal["decision"] = field(default="decision", init=False)


@dataclass(frozen=True)
class Repetition:
    """A head whose attention follows the text's repetitions.

    Attributes
    ----------
    pattern : "induction" or "duplicate"
        Whether it attends to what followed earlier occurrences of a token, or to these themselves.
    block, head : int
        The head.
    score : float
        Its score on the text, 0 to 1.
    query : Token
        The token at which the pattern gets most of its attention.
    attention : float
        The attention that the pattern gets there, 0 to 1.
    kind : "repetition"
        The rule, by which the classes are told apart.
    """

    pattern: RepetitionName
    block: int
    head: int
    score: float
    query: Token
    attention: float
    kind: Literal["repetition"] = field(default="repetition", init=False)


Finding = Copy | Decision | Repetition


def compute_findings(model: LanguageModel, trace: Trace, *, derived: Derived = derive_now) -> tuple[Finding, ...]:
    """At most three findings about a text, the first rule's first, and no head twice; none if no rule holds.

    1. *Copy*: of the heads whose largest attention weight at the last position is on an earlier occurrence of the
       predicted token, which attend at least 30% to all of these, and whose share of the token's logit is at least 0.5
       logits: the one with the largest share. Its share of the lead over the runner-up must be above 0 as well, since
       what raises all logits alike changes no prediction.
    2. *Decision*: the head or MLP (with its bias) with the largest share, by size, of that lead, if it is at least 1
       logit and at least twice that of every other part: head, MLP, embedding or bias.
    3. *Copy* that holds the token back: as 1, with shares below 0.
    4. *Repetition*: the head with the highest induction score, if that is at least 0.4, 3 times that of attention that
       is spread evenly, from at least 4 tokens, and higher than the head's score for the previous token, which may be
       part of the pattern.
    5. The same for the duplicate-token score, which must be higher than that for the first token as well.

    `derived` keeps the arrays. A model whose logits are not finite gives none.
    """
    logits = model.logits(trace, trace.n_positions - 1)
    if not np.isfinite(logits).all():
        return ()
    target = int(logits.argmax())
    runner_up = int(np.delete(logits, target).argmax())
    runner_up += runner_up >= target
    evidence = derived("findings", lambda: _evidence(model, trace, target, runner_up), version=_VERSION)
    if not all(np.isfinite(array).all() for array in evidence.values()):
        return ()
    found: dict[tuple[int, int | None], Finding] = {}
    for finding in _all(model, trace, (target, runner_up), evidence, derived):
        found.setdefault((finding.block, finding.head), finding)
    return tuple(found.values())[:MOST]


def find_copy(evidence: Arrays, sign: Literal[1, -1]) -> tuple[int, int] | None:
    """Block and head of rule 1, or of rule 3 if the sign is −1. evidence: as `_evidence` gives it."""
    own, lead = sign * evidence["own"], sign * evidence["heads"]
    holds = (evidence["attention"] >= COPY_ATTENTION) & (own >= COPY_SHARE) & (lead > 0)
    return _highest(np.where(holds, own, -np.inf))


def find_decision(evidence: Arrays) -> tuple[int, int | None, float] | None:
    """Block, head (None: the MLP) and share of rule 2."""
    heads = evidence["heads"]
    shares = np.concatenate([heads.ravel(), evidence["mlps"], evidence["others"]])
    largest, *others = (-np.abs(shares)).argsort(kind="stable").tolist()
    size = abs(shares[largest])
    n_parts = heads.size + len(heads)
    if largest >= n_parts or size < DECISIVE_SHARE or size < DECISIVE_RATIO * abs(shares[others[0]]):
        return None
    share = float(shares[largest])
    if largest >= heads.size:
        return largest - heads.size, None, share
    return *divmod(largest, heads.shape[1]), share


def find_repetition(
    trace: Trace, name: RepetitionName, *, derived: Derived = derive_now
) -> tuple[int, int, float] | None:
    """Block, head and score of rules 4 and 5."""
    patterns = attention_patterns(trace.token_ids)
    if patterns[name].n_queries < REPETITION_QUERIES:
        return None
    evenly = np.tril(np.ones((trace.n_positions, trace.n_positions), dtype=np.float32))
    evenly /= evenly.sum(axis=1, keepdims=True)
    least = max(REPETITION_SCORE, REPETITION_RATIO * attention_scores(evenly, patterns)[name])
    scores = compute_head_scores(trace, derived=derived)
    usual = scores["previous"] if name == "induction" else np.maximum(scores["previous"], scores["first"])
    place = _highest(np.where((scores[name] >= least) & (scores[name] > usual), scores[name], -np.inf))
    return None if place is None else (*place, float(scores[name][place]))


def _all(
    model: LanguageModel, trace: Trace, tokens: tuple[int, int], evidence: Arrays, derived: Derived
) -> Iterator[Finding]:
    """What each rule finds, in their order. tokens: the most and the second most probable."""
    last = trace.n_positions - 1
    target, runner_up = map(model.vocabulary.piece, tokens)
    capped = logit_cap(model.network.config, model.family) is not None
    n_earlier = int((trace.token_ids[:last] == target.id).sum())

    def copy(sign: Literal[1, -1]) -> Iterator[Copy]:
        if (place := find_copy(evidence, sign)) is not None:
            attention, share = float(evidence["attention"][place]), float(evidence["own"][place])
            yield Copy(*place, last, target, n_earlier, attention, share, capped)

    yield from copy(1)
    if (decision := find_decision(evidence)) is not None:
        block, head, share = decision
        yield Decision(block, head, last, target, runner_up, share, float(evidence["lead"]), capped)
    yield from copy(-1)
    for name in get_args(RepetitionName):
        if (repetition := find_repetition(trace, name, derived=derived)) is not None:
            block, head, score = repetition
            cells = attention_patterns(trace.token_ids)[name].cells
            weights = trace.attention(block, at=head).ravel()[cells]
            rows = np.bincount(cells // trace.n_positions, weights)
            query = int(rows.argmax())
            yield Repetition(name, block, head, score, trace.tokens[query], float(rows[query]))


def _evidence(model: LanguageModel, trace: Trace, target: int, runner_up: int) -> Arrays:
    """What rules 1 to 3 are about, at the last position.

    "attention", (n_blocks, n_heads): a head's weight on all earlier occurrences of the target; 0 if its largest weight
    is elsewhere. "own", the same shape: its share of the target's logit. Of the target's lead over the runner-up:
    "heads", the same shape; "mlps", (n_blocks,), with their biases; "others", the shares of all other parts; "lead",
    (), the whole.
    """
    last, n_blocks = trace.n_positions - 1, trace.info.n_blocks
    lead = direct_shares(model, trace, Question(last, target, runner_up))
    own = direct_shares(model, trace, Question(last, target, None))  # after it, as panels ask for the same next
    rows = np.stack([trace.attention(block, at=(slice(None), last)) for block in range(n_blocks)])
    is_earlier = trace.token_ids == target
    is_earlier[last] = False
    names = ("attention_biases", "norm_bias", "head_bias")
    embedding = lead["embedding"] + lead.get("positions", 0)  # a click selects both as one
    return {
        "attention": np.where(is_earlier[rows.argmax(axis=-1)], rows[..., is_earlier].sum(axis=-1), 0),
        "own": own["heads"],
        "heads": lead["heads"],
        "mlps": lead["tiles"].sum(axis=1) + lead.get("mlp_biases", 0),
        "others": np.concatenate([np.ravel(embedding), *(np.ravel(lead[name]) for name in names if name in lead)]),
        "lead": lead["value"],
    }


def _highest(scores: NDArray[np.floating]) -> tuple[int, int] | None:
    """Block and head of the highest score, the first of equal ones; None if no score is finite."""
    best = int(scores.argmax())
    if not np.isfinite(scores.ravel()[best]):
        return None
    block, head = divmod(best, scores.shape[1])
    return block, head
