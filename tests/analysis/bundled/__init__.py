"""Tests of analysis/bundled."""
