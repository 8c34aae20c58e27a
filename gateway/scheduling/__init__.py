"""The scheduler: which jobs run next, where, and with whom."""
