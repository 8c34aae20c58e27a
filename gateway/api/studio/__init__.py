"""Studio: pictures from prompts and presets, answered at once or polled, and the team's library of them."""
