"""The A1111 surface, put together."""

from __future__ import annotations

from litestar import Router

from gateway.api.a1111 import looking, making
from gateway.api.a1111.errors import HANDLERS
from gateway.api.access import BASIC_TOO, SECURITY

_SECURITY: list[dict[str, list[str]]] = [*SECURITY, {"Basic": []}]


def a1111_routers() -> list[Router]:
    """`/sdapi/v1`, and of `/internal` what clients ask about their calls."""
    outside = Router(
        "/internal",
        route_handlers=[looking.task_progress],
        exception_handlers=HANDLERS,
        opt={BASIC_TOO: True},
        security=_SECURITY,
        tags=["A1111"],
    )
    return [_api(), outside]


def _api() -> Router:
    return Router(
        "/sdapi/v1",
        route_handlers=[
            making.txt2img,
            making.img2img,
            making.extra_single_image,
            making.extra_batch_images,
            looking.sd_models,
            looking.samplers,
            looking.schedulers,
            looking.upscalers,
            looking.prompt_styles,
            looking.embeddings,
            looking.scripts,
            looking.nothing,
            looking.cmd_flags,
            looking.memory,
            looking.get_progress,
            looking.interrupt,
            looking.skip,
            looking.already_done,
            looking.get_options,
            looking.set_options,
            looking.png_info,
        ],
        exception_handlers=HANDLERS,
        opt={BASIC_TOO: True},
        security=_SECURITY,
        tags=["A1111"],
    )
