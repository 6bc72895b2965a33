"""Background jobs: started, watched, limited, their results kept. Knows neither Flask nor `dashboard.web`."""
