"""The OpenAI surface, put together."""

from __future__ import annotations

from litestar import Router

from gateway.api.access import SECURITY
from gateway.api.openai import chat, images, models, responses
from gateway.api.openai.errors import handlers


def openai_router() -> Router:
    return Router(
        "/openai/v1",
        route_handlers=[
            images.generate_images,
            images.edit_images,
            models.list_models,
            models.get_model,
            chat.chat,
            responses.respond,
            responses.get_response,
            responses.cancel_response,
        ],
        exception_handlers=handlers(),
        security=SECURITY,
        tags=["OpenAI"],
    )
