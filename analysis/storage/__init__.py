"""Traces and derived arrays on disk, within limits of size. Never decides what is computed."""
