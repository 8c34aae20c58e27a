"""Sharing: links that show one picture to whoever has them, for as long as the team wants."""

from gateway.sharing.links import Sharing, Wish
from gateway.sharing.share import Share

__all__ = ["Share", "Sharing", "Wish"]
