"""Stores for the results, locks and heartbeats of jobs: on this disk or in Redis. Never starts or watches a job."""
