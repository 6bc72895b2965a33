"""The lead line under the header: what to do, and which selection the page opened on and why.

The words about the opening selection are sent with the prompt; `assets/selection.js`, which knows whether the page
shows it, writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from layouts.figures.text import percent, quoted

if TYPE_CHECKING:
    from analysis.attention import Opening


LEAD = "lead"
SELECT = "lead-select"
WHY = "lead-why"


def lead_line() -> html.P:
    """The line, with room for the opening selection, which its button selects, and the reason for it."""
    return html.P(
        [
            html.Span(id=LEAD),
            html.Button(id=SELECT, type="button", className="lead-select", hidden=True, **{"data-select": ""}),
            html.Span(id=WHY),
            "Pick a token above, or any box below. Every panel updates.",
        ],
        className="lead-line",
    )


def opening_words(opening: Opening) -> dict[str, str]:
    """The opening selection for the page's script: its text form (`select`), its name, and why it was chosen."""
    share = f"{percent(opening.share)} of its attention"
    return {
        "select": f"block.{opening.block}.attention.head.{opening.head}",
        "name": f"block {opening.block}, head {opening.head}",
        "why": f"at {quoted(opening.query.label)} it puts {share} on {quoted(opening.key.label)}",
    }
