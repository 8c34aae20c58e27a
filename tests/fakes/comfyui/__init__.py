"""A ComfyUI without torch: the wire of 0.3.64 as it was recorded, and what its source of 2026 does otherwise on request."""

from tests.fakes.comfyui.server import FakeComfy

__all__ = ["FakeComfy"]
