"""Address: the URL fragment that opens a question, a selection, and the panels that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from layouts.architecture import COLOR_BY, OPENING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def address(
    model: str, text: str, select: str, *, panels: Iterable[str] = (), settings: Mapping[str, str] | None = None
) -> str:
    """The fragment without its `#`.

    select: the text form of a selection. panels: those whose tabs are opened, the last one also on a phone, which shows
    one. settings: values of controls by id; all others are as the page opens with them.
    """
    parts = {"model": model, "text": text, "select": select, COLOR_BY: OPENING, **(settings or {})}
    tabs = "_and_".join(panels)
    return urlencode(parts | ({"tabs": tabs} if tabs else {}))
