"""Models in, numpy arrays out. Never imports dash, plotly or flask, and never reads the environment."""
