"""The gallery: what was made, kept with its parameters."""
