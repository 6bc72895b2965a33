"""Snapshots: what the page shows at an address, as plain JSON, for a report, a static copy and a notebook.

Draws what the page would draw, by the panels' own callbacks; it computes nothing of its own and knows no request.
"""
