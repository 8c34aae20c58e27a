"""The engine: one account, a lane for each request that may run at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from engines.contract import (
    Batch,
    Done,
    EngineCrashed,
    EngineError,
    Event,
    Health,
    ImageReady,
    ImageRequest,
    InvalidRequest,
    ModelCard,
    ModelSpec,
    ModelUnusable,
    Picture,
    Progress,
    Size,
    UpstreamRateLimited,
)
from engines.gemini import asking, cards, costs
from engines.gemini import options as tables
from engines.gemini.answers import Answered, NoImage, of_content, of_prediction
from engines.gemini.client import Opened, finish_message, sdk_is_there
from engines.gemini.refusals import LOST, of_status, understood
from engines.http import Account, Pace, clean, ready, unless_canceled

LOOK_SECONDS = 10.0
MOST_OF_A_CALL = 4
"""Pictures of one `predict`."""
Made = tuple[list[ImageReady], Answered]


class GeminiEngine(Account):
    """Pictures out of words and up to 14 pictures, by `generateContent`; and Imagen's by `predict`."""

    Options = tables.Options
    ModelOptions = tables.ModelOptions
    set_by_http = frozenset({"image_size", "safety", "person_generation"})

    def __init__(self, name: str, options: tables.Options, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(name, options)
        self._server = "Gemini" if options.at_google else f"{name} ({urlsplit(options.base_url).hostname})"
        self._pace = Pace(self._server)
        self._transport = transport
        self._opened: Opened | None = None
        self._opening = asyncio.Lock()
        self._shapes: dict[str, list[cards.Shape]] = {}
        """By the ids of models, for `check`."""
        self._calls = asyncio.Semaphore(options.concurrency)
        """Of the whole account: the pictures of one request are asked for side by side."""

    async def discover(self) -> Sequence[ModelSpec]:
        return [ModelSpec(id=each, source=each) for each in await self._offered() if "image" in each]

    async def card(self, model: ModelSpec) -> ModelCard:
        sdk_is_there()
        made = cards.card(model, self.options)
        self.secret(self.options.api_key)
        self._shapes[model.id] = cards.shapes_of(cards.known(model, self.options), cards.own_options(model))
        return made

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        if shapes := self._shapes.get(request.model):
            cards.nearest(request.width, request.height, shapes)
        if (count := len(asking.seen(request))) > card.max_references:
            raise InvalidRequest(f"This model looks at {card.max_references} pictures, not {count}.", "references")

    async def _how_it_is(self) -> Health:
        try:
            self._pace.check()
            await self._offered()
        except EngineError as error:
            return Health(ok=False, reason=error.message)
        return Health(ok=True)

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened:
            await opened.close()

    async def _make(self, batch: Batch, request: ImageRequest) -> AsyncIterator[Event]:
        """All pictures of a request, in calls side by side; what is made is handed over, whatever becomes of the rest."""
        found, own = cards.known(batch.model, self.options), cards.own_options(batch.model)
        shape = cards.nearest(request.width, request.height, cards.shapes_of(found, own))
        predicts = cards.method_of(found, own) == "predict"
        step = MOST_OF_A_CALL if predicts else 1
        groups = [request.pictures[at : at + step] for at in range(0, len(request.pictures), step)]
        ask = self._predicted if predicts else self._answered
        calls = [asyncio.ensure_future(ask(batch.model, request, shape, group)) for group in groups]
        errors: list[EngineError] = []
        usage: dict[str, Any] = {}
        upstream, total, made = "", len(groups), 0
        try:
            for call in asyncio.as_completed(calls):
                try:
                    pictures, answer = await unless_canceled(batch, request.id, call)
                except EngineError as error:
                    errors.append(error)
                    continue
                made += 1
                usage = costs.added(usage, costs.of_call(answer.usage, len(pictures), own.prices or found.prices))
                upstream = upstream or answer.response_id
                for picture in pictures:
                    yield picture
                if total > 1:
                    yield Progress(request.id, made, total)
        finally:
            for each in calls:
                each.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        if errors and (worst := _worst(errors, made)):
            # What was made before is paid for, whatever becomes of the rest.
            worst.upstream_id = worst.upstream_id or upstream or None
            worst.usage = costs.added(usage, worst.usage or {}) or None
            raise worst
        yield Done(request.id, upstream or None, usage or None)

    async def _answered(self, model: ModelSpec, request: ImageRequest, shape: cards.Shape, group: tuple[Picture, ...]) -> Made:
        """One picture by `generateContent`; asked once more where no picture came and nothing was refused."""
        opened = await self._open()
        several = len(cards.known(model, self.options).image_sizes) > 1
        asked = await asyncio.to_thread(asking.content, request, shape, cards.own_options(model), several)
        models = opened.sdk.aio.models
        for last in (False, True):
            async with self._calling(opened.key):
                answer = await models.generate_content(model=model.source, **asked)
                self._pace.note(getattr(answer.sdk_http_response, "headers", None) or {})
                try:
                    answered = of_content(answer, self._server, lambda words: clean(words, (opened.key,)), finish_message)
                    break
                except NoImage:
                    if last:
                        raise
        return await asyncio.to_thread(self._ready, request, shape, group, answered), answered

    async def _predicted(self, model: ModelSpec, request: ImageRequest, shape: cards.Shape, group: tuple[Picture, ...]) -> Made:
        """Some pictures by `predict`, which the SDK has for Vertex AI alone."""
        opened = await self._open()
        several = len(cards.known(model, self.options).image_sizes) > 1
        body = asking.prediction(request, shape, cards.own_options(model), several, len(group))
        path = f"/{self.options.api_version}/{self.options.models_path}/{quote(model.source)}:predict"
        async with self._calling(opened.key):
            response = await opened.http.post(path, json=body)
            self._pace.note(response.headers)
            if response.status_code != 200:
                raise of_status(response.status_code, response.headers, _json(response), self._server, (opened.key,))
            answered = of_prediction(_json(response), self._server, lambda words: clean(words, (opened.key,)), LOST)
        return await asyncio.to_thread(self._ready, request, shape, group, answered), answered

    def _ready(
        self, request: ImageRequest, shape: cards.Shape, group: tuple[Picture, ...], answer: Answered
    ) -> list[ImageReady]:
        """Blocks: in a thread. A picture that was paid for and is none is not asked for again."""
        said = {**answer.said, "aspect_ratio": shape.ratio, "image_size": shape.image_size}
        size = Size(request.width, request.height)
        try:
            pairs = zip(group, answer.pictures, strict=False)
            return [ready(request.id, picture, data, size, self._server, said) for picture, data in pairs]
        except EngineCrashed as error:
            raise LOST(error.message) from error

    @asynccontextmanager
    async def _calling(self, key: str) -> AsyncIterator[None]:
        """A turn at the account. Raises an EngineError for what goes wrong; a rate limit holds all others too."""
        async with self._calls:
            self._pace.check()
            try:
                yield
            except EngineError as error:
                raise self._held(error) from error.__cause__
            except Exception as error:
                raise self._held(understood(error, self._server, (key,))) from error

    def _held(self, error: EngineError) -> EngineError:
        if isinstance(error, UpstreamRateLimited):
            self._pace.hold(error)
        return error

    async def _offered(self) -> list[str]:
        opened = await self._open()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                page = await opened.sdk.aio.models.list(config={"page_size": 1000})
            return [(each.name or "").rpartition("/")[2] for each in page.page]
        except EngineError:
            raise
        except Exception as error:
            raise understood(error, self._server, (opened.key,)) from error

    async def _open(self) -> Opened:
        """Opened anew where the key is another. The old one is left to what still runs."""
        key = self.secret(self.options.api_key)
        async with self._opening:
            if self._opened is None or self._opened.key != key:
                self._opened = await asyncio.to_thread(Opened, self.options, key, self._transport)
            return self._opened


def _worst(errors: list[EngineError], made: int) -> EngineError | None:
    """What a request comes to that was refused in part: never tried again where a part of it may have been paid for
    already; tried again where that helps; None where what was made is all that there will be.
    """
    for matters in (
        lambda each: isinstance(each, LOST),
        lambda each: isinstance(each, ModelUnusable),
        lambda each: each.retried,
    ):
        if found := next(filter(matters, errors), None):
            return found
    return None if made else errors[0]


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None
