"""Darkroom's gateway: HTTP in, a durable queue, one worker per device, pictures kept."""

__version__ = "0.1.0"
