"""Cache of traces and derived arrays on disk, with a size limit. Never decides what is computed."""
