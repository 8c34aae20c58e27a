"""Makes the SDK's server, without importing the SDK before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.mcp.calling import Calling
from gateway.api.mcp.looking import Looking
from gateway.api.mcp.serving import Abandon

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server


def begin(calling: Calling, looking: Looking, abandon: Abandon) -> Server[Any]:
    """For `serving.Mcp`, as a partial of the first two."""
    from gateway.api.mcp.server import Answering

    return Answering(calling, looking, abandon).server()
