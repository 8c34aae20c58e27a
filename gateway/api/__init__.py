"""The HTTP surfaces: one folder for each, with routes (short handlers) and wire (its shapes)."""
