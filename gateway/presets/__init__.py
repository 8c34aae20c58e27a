"""Presets: prompts with blanks, what may be filled into each, and every version of them."""
