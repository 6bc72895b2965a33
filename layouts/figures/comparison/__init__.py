"""Figures of A − B, from results of `analysis/comparison/`. Like all figures, they need plotly and numpy alone."""
