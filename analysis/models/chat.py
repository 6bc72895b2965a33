"""Chat template: a text as the one message of a person to a chat model, with the tokens that begin the answer.

Templates come with the model, in the language Jinja; transformers runs them in Jinja's sandbox.
"""

from typing import Any

from analysis.errors import TextError

_MOST_ADDED = 20_000  # characters of a template's own text
_OTHER = "Q7xMessageQ7x"  # a message that no template contains
_TIP = "Switch off “as a chat message” to read the text as it is."


def has_template(tokenizer: Any) -> bool:
    """Whether the tokenizer has a chat template."""
    return bool(getattr(tokenizer, "chat_template", None))


def as_message(tokenizer: Any, text: str) -> tuple[str, slice]:
    """The text in its template, and the characters of that which are the text; all, if the template has altered it.

    Raises: TextError if there is no template, or it cannot be used.
    """
    if not has_template(tokenizer):
        raise TextError(f"This model has no chat template. {_TIP}")
    rendered = _rendered(tokenizer, text)
    if len(rendered) > len(text) + _MOST_ADDED:
        raise TextError(f"The chat template of this model makes the text too long. {_TIP}")
    # Another message shows what surrounds it: the text may also occur in the template, as “user” does.
    before, _, after = _rendered(tokenizer, _OTHER).partition(_OTHER)
    for given in (text, text.strip()):
        if rendered == f"{before}{given}{after}":
            return rendered, slice(len(before), len(before) + len(given))
    return rendered, slice(0, len(rendered))


def _rendered(tokenizer: Any, text: str) -> str:
    message = [{"role": "user", "content": text}]
    try:
        return str(tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True))
    except Exception as error:  # strangers' templates raise exceptions of many kinds
        reason = str(error)[:200] or type(error).__name__
        raise TextError(f"The chat template of this model cannot be used: {reason}. {_TIP}") from error
