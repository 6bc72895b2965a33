"""Load test (`make load`): `visitor.py` is what one visitor does, and Locust runs many visitors at once."""
