"""Models: described, found, downloaded and loaded. Never draws, and never reads a trace."""
