"""The lead line under the tokens: what stands out in the text, which selection the page opened on and why, what to do.

The words about the opening selection are sent with the prompt; `assets/selection.js`, which knows whether the page
shows it, writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from layouts.attribution import AGAINST
from layouts.figures.text import number, percent, quoted, signed
from layouts.token_search import sets
from layouts.tour import offer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.attention import Opening
    from analysis.causes.findings import Copy, Decision, Finding, Repetition
    from analysis.tokens import Piece

FINDINGS = "lead-findings"
LEAD = "lead"
SELECT = "lead-select"
WHY = "lead-why"
WHAT_TO_DO = "lead-what-to-do"  # left out where two findings and the opening selection fill the line
_SENTENCES = 3
_LONGEST = 16  # characters of a token, so that three sentences fit into two lines


def lead_line() -> html.P:
    """The line, with room for the findings, for the opening selection, which its button selects, and its reason."""
    return html.P(
        [
            html.Span(id=FINDINGS),
            html.Span(id=LEAD),
            html.Button(id=SELECT, type="button", className="lead-select", hidden=True, **{"data-select": ""}),
            html.Span(id=WHY),
            html.Span("Pick a token above, or any box below. Every panel updates.", id=WHAT_TO_DO),
            offer(),
        ],
        className="lead-line",
    )


def finding_sentences(findings: Iterable[Finding]) -> list[html.Span]:
    """One sentence about each finding, which begins with a link that selects the part.

    Where the sentence is about a logit, the link also has direct attribution explain it, so that the panel and the
    scene show the same number.
    """
    return [html.Span(_sentence(finding)) for finding in findings]


def _sentence(finding: Finding) -> list[Any]:
    if finding.kind == "copy":
        return [_link(finding, _logit(finding), against=""), f" {_copy(finding)} "]
    if finding.kind == "decision":
        return [_link(finding, _logit(finding), against=str(finding.runner_up.id)), f" {_decision(finding)} "]
    return [_link(finding, f"@{finding.query.position}"), f" {_repetition(finding)} "]


def _logit(finding: Copy | Decision) -> str:
    return f"@{finding.position}~{finding.target.id}"


def _link(finding: Finding, rest: str, *, against: str | None = None) -> html.Button:
    """rest: the selection's position and target. against: the value of direct attribution's control, if it matters."""
    mlp = finding.head is None
    name = f"Block {finding.block}, {'MLP' if mlp else f'head {finding.head}'}"
    part = "mlp" if mlp else f"attention.head.{finding.head}"
    marks = {"data-select": f"block.{finding.block}.{part}{rest}"}
    marks |= {} if against is None else sets(AGAINST, against)
    return html.Button(name, type="button", className="lead-select", **marks)


def _copy(finding: Copy) -> str:
    token, several = _named(finding.target), finding.n_earlier > 1
    earlier = f"its {finding.n_earlier} earlier occurrences" if several else "its earlier occurrence"
    attention = percent(finding.attention)
    adds = f"adds {signed(finding.share)} logits{_before_cap(finding)}"
    if finding.share > 0:
        return f"copies the predicted {token} from {earlier}: it attends there with {attention} and {adds}."
    return f"holds the predicted {token} back: it attends to {earlier} with {attention} and {adds}."


def _decision(finding: Decision) -> str:
    target, runner_up = _named(finding.target), f"the runner-up {_named(finding.runner_up)}"
    share, lead = f"{number(abs(finding.share))} logits{_before_cap(finding)}", number(finding.lead)
    if finding.share > 0:
        return f"favours {target} over {runner_up} most, by {share}; all parts together by {lead}."
    return f"favours {runner_up} over {target} most, by {share}; all parts together favour {target} by {lead}."


def _repetition(finding: Repetition) -> str:
    token = _named(finding.query)
    does, keys = {
        "induction": ("continues repetitions (induction)", f"what followed the earlier {token}"),
        "duplicate": ("finds repeated tokens (duplicate token)", f"the earlier {token}"),
    }[finding.pattern]
    there, average = percent(finding.attention), percent(finding.score)
    return f"{does}: at {token} it attends with {there} to {keys}; on average {average}."


def _before_cap(finding: Copy | Decision) -> str:
    return " before the cap" if finding.capped else ""


def _named(piece: Piece) -> str:
    return quoted(piece.label, most=_LONGEST)


def opening_words(opening: Opening, findings: Sequence[Finding]) -> dict[str, str]:
    """The opening selection for the page's script: its text form (`select`), its name, and why it was chosen.

    The line has room for three sentences: with as many findings, nothing is said of it. Nor is it if a finding is
    about the same head.
    """
    select = {"select": f"block.{opening.block}.attention.head.{opening.head}"}
    said = {(finding.block, finding.head) for finding in findings}
    if len(findings) == _SENTENCES or (opening.block, opening.head) in said:
        return select
    share = f"{percent(opening.share)} of its attention"
    return select | {
        "name": f"block {opening.block}, head {opening.head}",
        "why": f"at {quoted(opening.query.label)} it puts {share} on {quoted(opening.key.label)}",
    }
