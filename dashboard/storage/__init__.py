"""What is kept: an LRU cache in memory, lock files, and the folder for results. Knows no models, jobs or requests."""
