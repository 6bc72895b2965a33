"""Truth suite: known values of a model that was trained on real text, through our own loading and computing.

`python -m tests.truth` prints a table, which the README shows. `make truth` runs it.
"""
