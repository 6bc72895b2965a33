"""In-process LRU cache, lock files, and the private cache folder. Knows neither models nor jobs nor requests."""
