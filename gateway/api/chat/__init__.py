"""Chat sessions about a picture."""
