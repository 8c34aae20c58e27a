"""The gateway without HTTP that the scheduler's tests use too."""

from __future__ import annotations

from tests.scheduling.conftest import Box, OpenBox, open_box

__all__ = ["Box", "OpenBox", "open_box"]
