"""What a model can do: its engine's card narrowed by its entry, what is refused by it, and which size is made."""

from gateway.cards.checking import NEEDS_SOURCE, Asked, check, sampler_name
from gateway.cards.geometry import Geometry, area, geometry, nearest_size, usual
from gateway.cards.merging import merge
from gateway.cards.pictures import arrange, source_bytes, takes

__all__ = [
    "NEEDS_SOURCE",
    "Asked",
    "Geometry",
    "area",
    "arrange",
    "check",
    "geometry",
    "merge",
    "nearest_size",
    "sampler_name",
    "source_bytes",
    "takes",
    "usual",
]
