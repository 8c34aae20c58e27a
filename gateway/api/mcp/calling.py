"""A call by name: its arguments read, what it may not do refused, and whatever goes wrong told to the one who called."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from engines.contract import EngineError
from gateway.api.blocking import NotDone
from gateway.api.bodies import decode
from gateway.api.mcp.answers import Call, Said
from gateway.api.mcp.looking import Looking
from gateway.api.mcp.making import Making
from gateway.api.mcp.naming import in_our_words
from gateway.api.mcp.tools import TOOLS, Tool
from gateway.api.mcp.wire import Fault
from gateway.api.problems import refused
from gateway.errors import ConfigurationError, DarkroomError, InvalidInput

log = logging.getLogger(__name__)
Does = Callable[[Call, Any], Awaitable[Said]]


class Calling:
    """Does what the tools do."""

    def __init__(self, making: Making, looking: Looking) -> None:
        self._does: Mapping[str, Does] = {
            "generate_image": making.generate,
            "edit_image": making.edit,
            "upscale_image": making.upscale,
            "wait_for_job": making.wait,
            "cancel_job": making.cancel,
            "list_models": looking.models,
            "search_images": looking.search,
            "get_image": looking.get,
        }

    async def call(self, name: str, arguments: Mapping[str, Any], call: Call, request_id: str) -> Said:
        """What came of it, whatever that is. Raises KeyError for a tool that there is not."""
        tool = TOOLS[name]
        try:
            if tool.permission is not None:
                call.principal.require(tool.permission)
            asked = await asyncio.to_thread(_read, arguments, tool)
            with in_our_words():
                return await self._does[name](call, asked)
        except Exception as error:
            return Said(data=fault(error, request_id), is_error=True)


def _read(arguments: Mapping[str, Any], tool: Tool) -> Struct:
    """In a thread: pictures may come as data. Raises InvalidInput that names the field."""
    try:
        # Some language models fill in every argument there is, and say null where they mean nothing.
        given = {name: value for name, value in arguments.items() if value is not None}
        # As JSON once more, so that what is refused is what every other surface refuses.
        asked: Struct = decode(msgspec.json.encode(given), tool.takes)
    except (UnicodeError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"The arguments hold what JSON cannot: {error}.") from error
    return asked


def fault(error: Exception, request_id: str) -> Fault:
    """How an error is told; what is our own fault is in the log."""
    refusal = refused(error)
    if isinstance(error, ConfigurationError):
        log.error("request %s: %s", request_id, error.message)
    elif refusal.status >= 500 and not isinstance(error, (DarkroomError, EngineError)):
        log.error("request %s failed", request_id, exc_info=error)
    code = (error.job.error_code or error.code) if isinstance(error, NotDone) else refusal.code
    return Fault(
        code=code,
        message=refusal.detail,
        field=refusal.errors[0].field if refusal.errors else UNSET,
        request_id=request_id if refusal.status >= 500 and request_id else UNSET,
        job_id=error.job.id if isinstance(error, NotDone) else UNSET,
        replacement=refusal.extra.get("replacement", UNSET),
    )
