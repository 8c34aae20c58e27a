"""The Studio surface, put together."""

from __future__ import annotations

from litestar import Router

from gateway.api.access import SECURITY
from gateway.api.queries import known_parameters
from gateway.api.studio import generations, library, presets
from gateway.api.studio.errors import HANDLERS


def studio_router() -> Router:
    """For those who have a key."""
    return Router(
        "/v0",
        route_handlers=[
            generations.generate,
            generations.get_generation,
            library.list_library,
            library.get_image,
            library.change_image,
            library.download_image,
            library.get_usage,
            presets.list_presets,
            presets.create_preset,
            presets.get_preset,
            presets.list_versions,
            presets.change_preset,
            presets.delete_preset,
            presets.get_default_model,
            presets.put_default_model,
        ],
        exception_handlers=HANDLERS,
        security=SECURITY,
        tags=["Studio"],
    )


def public_router() -> Router:
    """For everyone."""
    return Router(
        "/v0", route_handlers=[library.list_public], guards=[known_parameters], exception_handlers=HANDLERS, tags=["Studio"]
    )
