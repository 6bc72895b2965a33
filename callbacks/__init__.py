"""Callbacks: each computes a panel's result, draws it and writes it to the page.

Computations are in `analysis`, figures in `layouts.figures`. No panel's module imports another's.
"""
