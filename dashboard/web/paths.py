"""URL paths that more than one module needs."""

ALIVE, READY, METRICS = "/healthz", "/readyz", "/metrics"
CALLBACK = "/_dash-update-component"  # Dash's: every callback of the page; also the name of its view function
