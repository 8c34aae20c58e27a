"""The official SDK's client, told everything that it would else look for in the environment."""

from __future__ import annotations

from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import httpx

from engines.contract import ModelUnusable
from engines.gemini.options import Options
from engines.http import Limits, open_client

if TYPE_CHECKING:
    from google.genai import Client


MISSING = "The operator must install darkroom-gateway[gemini] (scripts/setup --gemini)."


def sdk_is_there() -> None:
    """Without importing it. Raises ModelUnusable."""
    try:
        found = find_spec("google.genai")
    except ModuleNotFoundError:  # no `google` at all
        found = None
    if found is None:
        raise ModelUnusable(MISSING)


_heard: ContextVar[httpx.Response | None] = ContextVar("heard", default=None)
"""The last answer to this task."""


class Opened:
    """Both ways to ask: the SDK, and for `predict`, which it has for Vertex AI only, plain HTTP."""

    def __init__(self, options: Options, key: str, transport: httpx.AsyncBaseTransport | None) -> None:
        """Blocks for a second where the SDK was not imported before: in a thread. Raises ModelUnusable without the SDK."""
        try:
            from google.genai import Client, types
        except ImportError as error:
            raise ModelUnusable(MISSING) from error
        self.key = key
        limits = Limits(read_seconds=options.timeout_seconds, connections=2 * options.concurrency + 4)
        # The key goes in a header, and never into an address: those are written to logs.
        headers = {"x-goog-api-key": key} if key else {}
        self.http = open_client(options.base_url, limits=limits, headers=headers, ca_file=options.ca_file, transport=transport)
        self.http.event_hooks["response"].append(_remember)
        self._unused = httpx.Client()
        self.sdk: Client = Client(
            vertexai=False,
            api_key=key or "none",
            http_options=types.HttpOptions(
                base_url=options.base_url,
                api_version=options.api_version,
                timeout=round(options.timeout_seconds * 1000),
                httpx_client=cast(Any, self._unused),
                httpx_async_client=cast(Any, self.http),
            ),
        )

    async def close(self) -> None:
        self._unused.close()
        await self.http.aclose()


async def _remember(response: httpx.Response) -> None:
    _heard.set(response)


def finish_message() -> str:
    """Why the last answer to this task has no picture, in their words: the SDK leaves them out."""
    response = _heard.get()
    try:
        candidates = response.json()["candidates"] if response is not None else ()
        return " ".join(str(each["finishMessage"]) for each in candidates if each.get("finishMessage"))
    except (ValueError, LookupError, TypeError, AttributeError, httpx.ResponseNotRead):
        return ""
