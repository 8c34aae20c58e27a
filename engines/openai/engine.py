"""The engine: one account or one server, a lane for each request that may run at once."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from engines.contract import (
    Batch,
    Done,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    Event,
    Health,
    ImageReady,
    ImageRequest,
    ModelCard,
    ModelSpec,
    Picture,
    Progress,
    Size,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)
from engines.http import Account, Left, Pace, preview, ready, unless_canceled
from engines.openai import cards, costs
from engines.openai import options as tables
from engines.openai.answers import Answered, Partial, clean_type, streamed, whole
from engines.openai.asking import arguments, is_edit
from engines.openai.client import open_sdk, sdk_is_there
from engines.openai.options import ModelOptions
from engines.openai.refusals import understood

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LOOK_SECONDS = 10.0
"""For what is asked besides pictures."""


class OpenAIEngine(Account):
    """Generations and edits; with `base_url` at any server that speaks this API."""

    Options = tables.Options
    ModelOptions = tables.ModelOptions
    set_by_http = frozenset(
        {
            "quality", "background", "output_format", "output_compression", "moderation", "input_fidelity", "style",
            "partial_images",
        }
    )  # fmt: skip

    def __init__(self, name: str, options: tables.Options, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(name, options)
        self._server = "OpenAI" if options.at_openai else f"{name} ({urlsplit(options.base_url).hostname})"
        self._lost: type[EngineError] = UpstreamOutcomeUnknown if options.paid else EngineUnavailable
        self._pace = Pace(self._server)
        self._transport = transport
        self._opened: tuple[str, AsyncOpenAI] | None = None
        self._opening = asyncio.Lock()
        self._known: dict[str, cards.Known] = {}
        """By the ids of models, for `check`."""

    async def discover(self) -> Sequence[ModelSpec]:
        """What the account may use; at OpenAI itself only what makes pictures."""
        try:
            offered = await self._offered()
        except EngineError as error:
            if _lists_none(error):
                return ()
            raise
        own = self.options.at_openai
        return [ModelSpec(id=each, source=each) for each in offered if cards.nearest(each) or not own]

    async def card(self, model: ModelSpec) -> ModelCard:
        sdk_is_there()
        made = cards.card(model, self.options)
        self.secret(self.options.api_key)
        self._known[model.id] = cards.known(model, self.options)
        return made

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        if found := self._known.get(request.model):
            cards.made_size(request.width, request.height, found)
            cards.check_pictures(request, found)

    async def _how_it_is(self) -> Health:
        try:
            self._pace.check()
            await self._offered()
        except EngineError as error:
            there = _lists_none(error)
            return Health(ok=there, reason="" if there else error.message)
        return Health(ok=True)

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened:
            await opened[1].close()

    async def _make(self, batch: Batch, request: ImageRequest) -> AsyncIterator[Event]:
        own = batch.model.options if isinstance(batch.model.options, ModelOptions) else ModelOptions()
        found = cards.known(batch.model, self.options)
        size = cards.made_size(request.width, request.height, found)
        usage: dict[str, Any] = {}
        upstream = ""
        # Where pictures have seeds each has its own, and so a call of its own.
        groups = [(each,) for each in request.pictures] if "seed" in own.parameters else [request.pictures]
        try:
            for group in groups:
                watched = found.kind == "gpt-image" and len(request.pictures) == 1 and batch.watched(request.id)
                partial = own.partial_images if watched else 0
                asked = await asyncio.to_thread(
                    arguments, batch.model.source, request, group, size, found, own, partial=partial
                )  # fmt: skip
                async for part in self._ask(batch, request, asked):
                    if isinstance(part, Partial):
                        seen = await asyncio.to_thread(preview, _decoded(part.base64) or b"")
                        yield Progress(request.id, min(part.index, partial - 1) + 1, partial + 1, seen, group[0].ordinal)
                        continue
                    usage = costs.added(usage, _spent(part, found, own, size, request.choices.get("quality", "")))
                    upstream = upstream or part.request_id
                    for picture, at in zip(group, range(len(part.pictures)), strict=False):
                        yield await asyncio.to_thread(self._ready, request, picture, part, at)
        except EngineError as error:
            # What was made before is paid for, whatever becomes of the rest.
            error.upstream_id = error.upstream_id or upstream or None
            error.usage = costs.added(usage, error.usage or {}) or None
            raise
        yield Done(request.id, upstream or None, usage or None)

    async def _ask(self, batch: Batch, request: ImageRequest, asked: dict[str, Any]) -> AsyncIterator[Partial | Answered]:
        """One call. Raises Left, and an EngineError for all that goes wrong."""
        self._pace.check()
        client = await self._client()
        method = client.images.with_raw_response.edit if is_edit(request) else client.images.with_raw_response.generate
        try:
            raw: Any = await unless_canceled(batch, request.id, method(**asked))
            self._pace.note(raw.headers)
            if not asked.get("stream") or clean_type(raw.headers) != "text/event-stream":
                await unless_canceled(batch, request.id, raw.http_response.aread())
                yield await asyncio.to_thread(whole, raw, self._lost, self._server)
                return
            parts = streamed(raw, self._lost, self._server)
            try:
                while part := await unless_canceled(batch, request.id, anext(parts, None)):
                    yield part
            finally:
                await parts.aclose()  # type: ignore[attr-defined]
        except (EngineError, Left):
            raise
        except Exception as error:
            raise self._held(error) from error

    def _held(self, error: Exception) -> EngineError:
        """The contract's error; of a rate limit every other job of this account hears too."""
        found = understood(error, self._server, secrets=self._secrets(), lost=self._lost)
        if isinstance(found, UpstreamRateLimited):
            self._pace.hold(found)
        return found

    def _ready(self, request: ImageRequest, picture: Picture, answer: Answered, at: int) -> ImageReady:
        """Blocks: in a thread. A picture that was paid for and is none is not asked for again."""
        said: dict[str, Any] = dict(answer.settled)
        if at < len(answer.revised_prompts) and answer.revised_prompts[at]:
            said["revised_prompt"] = answer.revised_prompts[at]
        data = _decoded(answer.pictures[at])
        try:
            if data is None:
                raise EngineCrashed(f"{self._server} delivered what is no base64.")
            return ready(request.id, picture, data, Size(request.width, request.height), self._server, said)
        except EngineCrashed as error:
            raise self._lost(error.message) from error

    async def _offered(self) -> list[str]:
        client = await self._client()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                page = await client.models.list(timeout=LOOK_SECONDS)
            return list(dict.fromkeys(str(each.id) for each in page.data))
        except Exception as error:
            raise understood(error, self._server, secrets=self._secrets(), lost=EngineUnavailable) from error

    async def _client(self) -> AsyncOpenAI:
        """Opened anew where the key is another. The old one is left to what still runs."""
        key = self.secret(self.options.api_key)
        async with self._opening:
            if self._opened is None or self._opened[0] != key:
                self._opened = key, await asyncio.to_thread(open_sdk, self.options, key, self._transport)
            return self._opened[1]

    def _secrets(self) -> tuple[str, ...]:
        return (self._opened[0],) if self._opened and self._opened[0] else ()


def _lists_none(error: EngineError) -> bool:
    """Not every server lists its models; one that says so is there."""
    return getattr(error.__cause__, "status_code", 0) in (404, 405, 501)


def _spent(answer: Answered, found: cards.Known, own: ModelOptions, size: Size, chosen: str) -> dict[str, Any]:
    """The usage that came back, and what it comes to where prices are known."""
    prices = own.prices or found.prices
    if prices is None:
        return answer.usage
    cost = costs.of_tokens(answer.usage, prices)
    if cost is None and prices.picture:
        quality = chosen or own.quality or next(iter(found.quality), "")
        cost = costs.of_pictures(len(answer.pictures), quality, f"{size.width}x{size.height}", prices)
    return answer.usage if cost is None else {**answer.usage, "cost_usd": cost}


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text)
    except (binascii.Error, ValueError):
        return None
