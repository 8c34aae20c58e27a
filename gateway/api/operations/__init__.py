"""For who runs the gateway: health, metrics, and the description of the API."""
