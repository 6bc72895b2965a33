"""Numerical checks of traces. Never changes a number, and never draws."""
