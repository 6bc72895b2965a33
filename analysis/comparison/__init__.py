"""Comparisons of two traces, A and B: which positions stand for each other, and A minus B. May not load models."""
