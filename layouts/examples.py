"""Examples: sentences in which there is something to see in the bundled model, and what shows it.

`assets/lessons.js` opens the whole view where the page shows that model, and the text alone where it shows another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from dash import html

from layouts.address import address
from layouts.header_menu import header_menu
from layouts.models import BUNDLED

if TYPE_CHECKING:
    from collections.abc import Mapping

MENU = "examples-menu"


@dataclass(frozen=True)
class Example:
    """A sentence with a view of it.

    Attributes
    ----------
    text, look
        The sentence, and what to look for.
    select, panel
        The selection that shows it, and the panel.
    settings
        Values of controls that differ from those that the page opens with, by id.
    """

    text: str
    look: str
    select: str
    panel: str
    settings: Mapping[str, str] = field(default_factory=dict)


EXAMPLES = {
    "A story begins": Example(
        "Once upon a time there was a little girl who lived in a cottage near the great forest.",
        "From the full stop, one head looks back at “girl”, and “She” comes first among the next words.",
        "block.5.attention.head.3@18",
        "attention",
    ),
    "The same words twice": Example(
        "the wolf ate the red apple near the river and the wolf ate the red apple near the river",
        "From the second “red”, a head looks at the “apple” of the first time, and “apple” is expected.",
        "block.4.attention.head.4@14",
        "attention",
    ),
    "He or she": Example(
        "The prince was so tired that",
        "“he” is expected. In B, the prince is a princess, and “she” takes its place.",
        "output@5",
        "summary",
        {"compare-text": "The princess was so tired that", "compare-side": "difference"},
    ),
    "A quotation is open": Example(
        '"Where are you going?" said the fox. "To the river," said the hare, and ran away.',
        "At “river”, a head looks back at the quotation mark that is still open.",
        "block.5.attention.head.2@13",
        "attention",
    ),
    "A rare word": Example(
        "The shepherdess was astonished at the extraordinary wickedness of the enchantress.",
        "“extraordinary” is three tokens, of which only the first surprises the model.",
        "output@7",
        "summary",
        {"strip-color": "surprisal"},
    ),
    "A wrong word": Example(
        "The old man sat by the fire and smoked his castle.",
        "Nothing in the sentence surprises the model as much as “castle”.",
        "output@10",
        "summary",
        {"strip-color": "surprisal"},
    ),
    "Learned by heart": Example(
        "The Wizard of",
        "“Oz” is all but certain: the model has read the books, and nothing in the sentence says so.",
        "output@2",
        "summary",
    ),
    "An early answer": Example(
        "They were so glad to see each",
        "The logit lens reads “other” from the first block on.",
        "block.0.mlp@6",
        "logit_lens",
    ),
    "A late answer": Example(
        "She went to bed and fell",
        "Until the last block it is “down”; only then it is “asleep”.",
        "block.5.mlp@5",
        "logit_lens",
    ),
    "A noun is due": Example(
        "The old woman gave the little boy a red apple, and his sister took the big basket.",
        "One neuron is active where a noun may follow, and silent at the nouns.",
        "block.5.mlp.neuron.847@4",
        "activation",
    ),
    "A sentence ends": Example(
        "The king was old. He had a daughter. She was very kind to the birds.",
        "One neuron is active at the full stops alone; it raises words that begin a sentence.",
        "block.5.mlp.neuron.118@17",
        "activation",
    ),
    "One word decides": Example(
        "The girl was sad because",
        "Blank “girl”, and “she” loses its lead over “he”: no other token matters as much.",
        "output@4",
        "saliency",
        {"saliency-method": "occlusion"},
    ),
}


def examples_menu() -> html.Details:
    """The menu of examples: links with a name and a line each."""
    return header_menu(
        "Examples", *(_link(name, one) for name, one in EXAMPLES.items()), id=MENU, about="Sentences", is_static=True
    )


def _link(name: str, one: Example) -> html.A:
    marks: dict[str, Any] = {
        "data-address": address(BUNDLED, one.text, one.select, panels=(one.panel,), settings=one.settings)
    }
    words = [html.Strong(name), html.Span(one.look)]
    return html.A(words, href=f"#{urlencode({'text': one.text})}", className="menu-item menu-lines", **marks)
