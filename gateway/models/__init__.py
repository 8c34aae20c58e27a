"""What is on offer now, and what could be."""

from gateway.models.asking import Offer, not_here
from gateway.models.discovering import Discovered, entry_for
from gateway.models.offers import Models

__all__ = ["Discovered", "Models", "Offer", "entry_for", "not_here"]
