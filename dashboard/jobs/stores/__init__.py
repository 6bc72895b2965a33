"""Where jobs keep results, locks and heartbeats: on this disk or in Redis. Never starts or watches a job."""
