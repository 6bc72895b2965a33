"""The ids that several panels share. A panel's own ids follow its name: `attention-panel`, `attention-graph`, ..."""

ADDRESS = "address"  # store: {hash, visit} of the page's URL when it was opened or gone to; by assets/address.js
PROMPT = "prompt"  # store: {model, text, start} and the sizes that the page needs; by callbacks/prompt.py
SELECTION = "selection"  # store: the text form; by the one clientside callback of callbacks/selection.py
CLICKED = "clicked"  # store: pokes that callback when an HTML control or a key was used; by assets/selection.js
THEME = "theme"  # store: "light" or "dark"; by assets/page.js, for the button and for the system
NOTICE = "notice"  # what went wrong, said to the person


def panel(name: str) -> str:
    """The panel's root, a section that carries `data-selection`."""
    return f"{name}-panel"


def graph(name: str) -> str:
    """The panel's figure."""
    return f"{name}-graph"


def title(name: str) -> str:
    """The panel's heading, which names the selection."""
    return f"{name}-title"


def reading(name: str) -> str:
    """The one sentence on what is seen now."""
    return f"{name}-reading"
