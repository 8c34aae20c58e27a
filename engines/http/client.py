"""Requests within limits: how long each part may take, how large an answer may be, and what is asked again."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx
from msgspec import Struct

from engines.contract import EngineCrashed, EngineError, EngineUnavailable
from engines.http.faults import Lost, TooLarge, from_exception, from_status, was_sent

RETRY_DELAYS = (0.1, 0.4)
"""Seconds before a request is sent again that never left: a server that restarts is away for a moment."""
_HEADERS = {"User-Agent": "Darkroom", "Accept-Encoding": "identity"}
"""Pictures do not compress, and a packed answer could grow beyond any limit as it is unpacked."""


class Limits(Struct, frozen=True, kw_only=True):
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    """Between two pieces of an answer; a call may say another."""
    max_bytes: int = 256 * 2**20
    """Of one answer: ten pictures of 3840x2160 in base64 are about that."""
    connections: int = 32


class Answer(Struct, frozen=True):
    """A whole answer, whatever its status."""

    server: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Raises EngineCrashed for what is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            kind = self.headers.get("content-type", "no content type").partition(";")[0]
            told = f"{self.server} answered {len(self.body)} bytes of {kind} that are no JSON"
            raise EngineCrashed(f"{told}; does its address in models.toml lead to it?") from None


def open_client(
    url: str = "",
    *,
    limits: Limits | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    ca_file: str = "",
    transport: httpx.AsyncBaseTransport | None = None,
    keep_alive: bool = True,
) -> httpx.AsyncClient:
    """A client whose answers are limited in size, that checks certificates and follows no redirect.

    A redirect would carry the key to where the operator did not send it. `ca_file` has certificates to trust instead of the
    usual ones. `transport` is instead of the network. Raises OSError or ssl.SSLError for a `ca_file` that cannot be used.
    """
    limits = limits or Limits()
    return httpx.AsyncClient(
        base_url=url,
        headers={**_HEADERS, **(headers or {})},
        auth=auth,
        timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
        verify=ssl.create_default_context(cafile=ca_file) if ca_file else _usual_trust(),
        limits=httpx.Limits(
            max_connections=limits.connections, max_keepalive_connections=limits.connections if keep_alive else 0
        ),
        transport=transport,
        follow_redirects=False,
        event_hooks={"response": [_Limiter(limits.max_bytes)]},
    )


class Server:
    """One server: `name` is how messages call it, so it holds neither a password nor a key.

    `secrets` are never repeated of what it says. It is made anywhere; one event loop uses and closes it.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        secrets: Collection[str] = (),
        ca_file: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.secrets = tuple(secrets)
        self._opened: dict[str, Any] = {
            "url": url, "limits": limits, "headers": headers, "auth": auth, "ca_file": ca_file, "transport": transport
        }  # fmt: skip
        self._client = open_client(**self._opened)
        self._fresh: httpx.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        seconds: float | None = None,
        work: bool = False,
        fresh: bool = False,
        lost: Lost = EngineUnavailable,
        **sent: Any,
    ) -> Answer:
        """The answer, whatever its status. `sent` is httpx's: params, json, data, files, content, headers.

        What never left is sent again, and a GET whose connection broke too; `work` says that this call starts work, so
        that it is sent once, be it a GET. `fresh` is on a connection of its own. `seconds` may pass in all; not given:
        as long as something comes. Raises an EngineError; `lost` is the one for a request that was sent and got no whole
        answer.
        """
        repeatable = method in ("GET", "HEAD") and not work
        until = None if seconds is None else time.monotonic() + seconds
        for delay in (*RETRY_DELAYS, None):
            try:
                return await self._once(method, path, until, fresh, sent)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                gone = was_sent(error)
                late = gone and isinstance(error, TimeoutError | httpx.TimeoutException)
                if delay is None or late or (gone and not repeatable):
                    raise from_exception(error, self.name, secrets=self.secrets, lost=lost) from error
                await asyncio.sleep(delay)
        raise AssertionError("the last try returns or raises")

    async def checked(self, method: str, path: str, *, lost: Lost = EngineUnavailable, **asked: Any) -> Answer:
        """An answer with a good status. Raises an EngineError with the server's words for any other."""
        answer = await self.ask(method, path, lost=lost, **asked)
        if not answer.ok:
            raise self.refusal(answer, lost=lost)
        return answer

    async def json(self, method: str, path: str, **asked: Any) -> Any:
        """The JSON of an answer with a good status."""
        return (await self.checked(method, path, **asked)).json()

    def refusal(self, answer: Answer, *, lost: Lost = EngineUnavailable) -> EngineError:
        """The contract's error for an answer with a bad status."""
        return from_status(answer.status, answer.headers, answer.body, self.name, secrets=self.secrets, lost=lost)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, lost: Lost = EngineUnavailable, **sent: Any
    ) -> AsyncIterator[httpx.Response]:
        """An answer as it comes; the limit on its size holds. Raises an EngineError for what goes wrong within."""
        try:
            async with self._client.stream(method, path, **sent) as response:
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise from_exception(error, self.name, secrets=self.secrets, lost=lost) from error

    async def aclose(self) -> None:
        await self._client.aclose()
        if self._fresh:
            await self._fresh.aclose()

    async def _once(self, method: str, path: str, until: float | None, fresh: bool, sent: Mapping[str, Any]) -> Answer:
        if fresh and self._fresh is None:
            self._fresh = open_client(**self._opened, keep_alive=False)
        client = (self._fresh if fresh else None) or self._client
        left = None if until is None else max(0.01, until - time.monotonic())
        timeout = client.timeout
        if left is not None:
            # Shorter to connect than in all, or a request that never left would count as one that did.
            timeout = httpx.Timeout(left, connect=min(0.9 * left, client.timeout.connect or left))
        async with asyncio.timeout(left):
            response = await client.request(method, path, timeout=timeout, **sent)
        return Answer(self.name, response.status_code, response.headers, response.content)


@cache
def _usual_trust() -> ssl.SSLContext:
    """Made once: reading the usual authorities takes some 40 ms, which every client would spend anew."""
    return httpx.create_ssl_context()


class _Limiter:
    """Puts the limit on each answer of a client; an answer that is packed all the same is not unpacked."""

    def __init__(self, most: int) -> None:
        self._most = most

    async def __call__(self, response: httpx.Response) -> None:
        if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise httpx.DecodingError("it packs what it sends though it was asked not to", request=response.request)
        declared = response.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:18]) > self._most:
            raise TooLarge(self._most, response.request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Limited(response.stream, self._most, response.request)


class _Limited(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, most: int, request: httpx.Request) -> None:
        self._inner = inner
        self._most = most
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for chunk in self._inner:
            seen += len(chunk)
            if seen > self._most:
                raise TooLarge(self._most, self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
