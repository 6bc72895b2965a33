"""Visitors in numbers: `make load`. What one of them does is in `visitor.py`; Locust has many of them do it at once."""
