"""What a model can do: its engine's card narrowed by its entry, what is refused by it, and which size is made."""

from gateway.cards.checking import Asked, check, sampler_name
from gateway.cards.geometry import Geometry, geometry
from gateway.cards.merging import merge

__all__ = ["Asked", "Geometry", "check", "geometry", "merge", "sampler_name"]
