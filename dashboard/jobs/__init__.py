"""Background jobs: their queue, quota, processes and results.

Knows neither Flask nor `dashboard.web` nor `dashboard.monitoring`: `Jobs` receives functions that
return the client and the panel of the current request, and functions to call at each job's start and end.
"""
