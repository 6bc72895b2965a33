"""Models: catalogue, download, loading, hooks and forward pass. Never draws."""
