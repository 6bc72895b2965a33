"""Component ids that several panels share. A panel's own ids begin with its name: `attention-panel`, ..."""

# Stores, each with its single writer.
ADDRESS = "address"  # {hash, opened}: the URL's fragment and how often one was opened; assets/address.js
PROMPT = "prompt"  # {model, text, start} and what the scripts need to know of them; callbacks/prompt.py
TYPED = "typed"  # {model, text, start, edit}: a text that is being typed; assets/question.js
COUNTED = "counted"  # {edit, n_tokens, problem}: the number of its tokens; callbacks/prompt.py
SELECTION = "selection"  # the text form of the selection; the clientside callback of callbacks/selection.py
CLICKED = "clicked"  # a counter that triggers that callback for HTML controls and keys; assets/selection.js
SECOND = "second"  # B as it was asked for, and A under "of", or None; assets/compare.js
OTHER = "other"  # B in the form of the prompt's store, or None; callbacks/compare.py
ALIGNMENT = "alignment"  # the tokens of A and B, and which stand for each other; callbacks/compare.py
THEME = "theme"  # "light" or "dark"; assets/theme.js

VISIBLE = "visible"  # the names of the panels that are visible; assets/workspace.js

NOTICE = "notice"  # the alert with the last error
STATUS = "status"  # the live region that says the selection; assets/announce.js
PANELS = "panels"  # the element around all panels; its `data-selection` is the selection that they show


def panel(name: str) -> str:
    """The panel's root: a section whose `data-selection` is the selection that it shows."""
    return f"{name}-panel"


def graph(name: str) -> str:
    """The panel's figure."""
    return f"{name}-graph"


def title(name: str) -> str:
    """The panel's heading, which names what is selected."""
    return f"{name}-title"


def reading(name: str) -> str:
    """The sentence that says what the figure shows."""
    return f"{name}-reading"
