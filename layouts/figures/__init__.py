"""Pictures from results, with plotly and numpy only, so that they work in a notebook too. Never imports dash."""
