"""OpenAI's Images API, and every server that speaks it."""
