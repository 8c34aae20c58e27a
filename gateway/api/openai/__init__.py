"""OpenAI's API: its own clients change their base URL, and have the models of this gateway."""
