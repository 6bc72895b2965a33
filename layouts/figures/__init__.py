"""Figures and readings from results, with Plotly and NumPy only, for the page and for notebooks. Never imports Dash."""
