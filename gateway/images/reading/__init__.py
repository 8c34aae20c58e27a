"""What picture files say about how they were made: ours, and those of the tools that people come from.

Pure functions of bytes. They never fail, whatever the bytes are, and take no longer than some milliseconds per megabyte
of text: `read` takes a whole file, `from_texts` the texts that somebody else has taken out of one.
"""

from gateway.images.reading.formats import Found, from_texts, read
from gateway.images.reading.recipe import Format, ModelName, Recipe

__all__ = ["Format", "Found", "ModelName", "Recipe", "from_texts", "read"]
