"""Tests; the tree mirrors the project's, file for file."""
