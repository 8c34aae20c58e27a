"""Google's Gemini API, and Imagen's `predict` where something still serves it."""
