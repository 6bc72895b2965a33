"""Models: their catalogue, download, loading and hooks. Never draws, and never reads a trace."""
