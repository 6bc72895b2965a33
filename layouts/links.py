"""Links: what an address means that leaves a setting out, and the names of settings in older addresses.

`assets/address.js` reads both from a meta element of the page, and `dashboard/snapshot/address.py` from here.
"""

import json

# What a setting is in a link that leaves it out, where that is not its default: it was when such links were made.
IMPLIED = {"architecture-color": "norm"}
RENAMED = {"effect-text": "compare-text"}


def link_settings() -> str:
    """Both as JSON, for the page's script."""
    return json.dumps({"implied": IMPLIED, "renamed": RENAMED})
