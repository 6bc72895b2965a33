"""Monitoring: log, health checks and metrics. Never shows anything that a visitor wrote."""
