"""The operator's language model, behind any endpoint that speaks OpenAI's chat completions API, by the official client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gateway.catalog.settings import Chat
from gateway.chat.tools import TOOLS, Call
from gateway.errors import NotAccepting
from gateway.secrets import Secrets

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LONGEST_REPLY = 16_000
"""Characters of text, and of a tool's arguments; what is longer is not read."""
Tell = Callable[[str], None]


class LanguageModelFailed(NotAccepting):
    """It cannot be reached, refused, or answered what cannot be read."""

    code = "language_model_failed"


class Reply(Struct, frozen=True):
    """What it said, and the tool that it chose, if any."""

    text: str
    call: Call | None


class Language:
    """Asks it. Close it when the gateway ends."""

    def __init__(self, settings: Callable[[], Chat], secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._client: tuple[tuple[object, ...], AsyncOpenAI] | None = None

    @property
    def configured(self) -> bool:
        return bool(self._settings().base_url)

    @property
    def history(self) -> int:
        """How many messages it is reminded of."""
        return self._settings().history_messages

    async def ask(self, messages: list[dict[str, Any]], tell: Tell | None = None) -> Reply:
        """One completion; with `tell` it is streamed, and each piece of text is told as it comes.

        Raises LanguageModelFailed, in words for the person who asked, and SecretMissing.
        """
        settings = self._settings()
        asked: dict[str, Any] = {"model": settings.model, "messages": messages, "tools": TOOLS}
        async with _in_our_words(settings.timeout_seconds):
            # The client's library takes a second to import, and a client some ten milliseconds to make.
            client = await asyncio.to_thread(self._open, settings)
            if tell is not None:
                return await _streamed(await client.chat.completions.create(**asked, stream=True), tell)
            return _whole(await client.chat.completions.create(**asked))

    async def close(self) -> None:
        if self._client:
            await self._client[1].close()

    def _open(self, settings: Chat) -> AsyncOpenAI:
        """One client for as long as the settings stay."""
        try:
            from openai import AsyncOpenAI
        except ImportError as error:
            told = (
                "The language model cannot be asked: the operator must install darkroom-gateway[chat] (scripts/setup --chat)."
            )
            raise LanguageModelFailed(told) from error
        key = self._secrets.get(settings.api_key) if settings.api_key else "none"
        wanted = (settings.base_url, key, settings.timeout_seconds)
        if self._client is None or self._client[0] != wanted:
            opened = AsyncOpenAI(
                base_url=settings.base_url, api_key=key, timeout=settings.timeout_seconds, max_retries=1
            )  # fmt: skip
            # The old one closes when nobody uses it any more: an answer may still come by it.
            self._client = wanted, opened
        return self._client[1]


@asynccontextmanager
async def _in_our_words(seconds: float) -> AsyncIterator[None]:
    """What goes wrong between here and the endpoint; neither its address nor its own words are for everybody."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (LanguageModelFailed, asyncio.CancelledError):
        raise
    except TimeoutError:
        raise LanguageModelFailed(f"The language model did not answer within {seconds:g} seconds; try again.") from None
    except Exception as error:
        raise LanguageModelFailed(_told(error, seconds)) from error


def _told(error: Exception, seconds: float) -> str:
    try:
        import openai
    except ImportError:
        raise error from None
    if isinstance(error, openai.APITimeoutError):
        return f"The language model did not answer within {seconds:g} seconds; try again."
    if isinstance(error, openai.APIStatusError):
        cure = "try again later" if error.status_code == 429 or error.status_code >= 500 else "the operator must see to it"
        return f"The language model's server refused this (HTTP {error.status_code}); {cure}."
    if isinstance(error, openai.APIConnectionError):
        return "The language model cannot be reached; try again later."
    if isinstance(error, (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError)):
        return "The language model's server answered what cannot be read; the operator must see to it."
    raise error


def _whole(completion: Any) -> Reply:
    message = completion.choices[0].message
    calls = message.tool_calls or ()
    call = None
    for each in calls:
        call = Call(_clean(each.function.name or ""), _clean(each.function.arguments or "{}"), each.id or "")
        break
    return Reply(_clean(message.content or ""), call)


async def _streamed(chunks: Any, tell: Tell) -> Reply:
    """Pieces put together: of the first tool that it calls, and of the text. Raises LanguageModelFailed where it breaks off."""
    text, name, arguments, call_id = "", "", "", ""
    first: int | None = None
    is_whole = False
    async for chunk in chunks:
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        is_whole = is_whole or bool(chunk.choices[0].finish_reason)
        if delta is None:
            continue
        if delta.content and len(text) < LONGEST_REPLY:
            piece = _clean(delta.content)[: LONGEST_REPLY - len(text)]
            text += piece
            tell(piece)
        for each in delta.tool_calls or ():
            at = each.index or 0  # some servers leave it out
            first = at if first is None else first
            if at == first and each.function and len(arguments) < LONGEST_REPLY:
                name = name or (each.function.name or "")
                arguments += each.function.arguments or ""
                call_id = call_id or (each.id or "")
    if not is_whole and (text or first is not None):
        raise LanguageModelFailed("The language model's answer broke off; say it again.")
    return Reply(text, None if first is None else Call(_clean(name), _clean(arguments) or "{}", call_id))


def _clean(text: str) -> str:
    """What every database can hold, and no longer than we read."""
    return text[:LONGEST_REPLY].encode("utf-8", "replace").decode().replace("\0", "")
