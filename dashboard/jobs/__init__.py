"""Background jobs: they are queued, run and limited here, and their results kept.

Knows neither Flask nor `dashboard.web` nor `dashboard.monitoring`: `Jobs` is given functions that say which client and
panel the current request is about, and functions that are told of each job's start and end.
"""
