"""What a host can see: log, health, metrics. Never anything that a visitor wrote."""
