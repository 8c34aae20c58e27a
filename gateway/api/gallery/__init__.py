"""The gallery: pictures, newest first, and their bytes."""
