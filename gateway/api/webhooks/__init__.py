"""A team's webhooks, for its owners."""
