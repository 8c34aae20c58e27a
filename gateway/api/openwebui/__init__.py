"""Open WebUI's API for pictures: its clients change their base URL, and have every engine of this gateway behind it."""
