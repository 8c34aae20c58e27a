"""The official SDK's client, told everything that it would else look for in the environment."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import httpx

from engines.contract import ModelUnusable
from engines.http import Limits, open_client
from engines.openai.options import Options

if TYPE_CHECKING:
    from openai import AsyncOpenAI


MISSING = "The operator must install darkroom-gateway[openai] (scripts/setup --openai)."


def sdk_is_there() -> None:
    """Without importing it. Raises ModelUnusable."""
    if find_spec("openai") is None:
        raise ModelUnusable(MISSING)


def open_sdk(options: Options, key: str, transport: httpx.AsyncBaseTransport | None) -> AsyncOpenAI:
    """Blocks for some tenths of a second where the SDK was not imported before: in a thread.

    It never tries again by itself: its rules would send a paid request twice. Raises ModelUnusable without the SDK.
    """
    try:
        from openai import AsyncOpenAI
    except ImportError as error:
        raise ModelUnusable(MISSING) from error
    limits = Limits(read_seconds=options.timeout_seconds, connections=2 * options.concurrency + 4)
    client = open_client(limits=limits, ca_file=options.ca_file, transport=transport)
    opened = AsyncOpenAI(
        api_key=key or "none",
        organization=options.organization,
        project=options.project,
        webhook_secret="",
        base_url=options.base_url,
        timeout=client.timeout,  # type: ignore[arg-type]
        max_retries=0,
        http_client=cast(Any, client),
    )
    # Left out of the headers where there is none; the SDK would take None for "look into the environment".
    opened.organization, opened.project = options.organization or None, options.project or None
    return opened
