"""Gets and posts, within limits."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

import httpcore
from msgspec import Struct

from gateway import __version__
from gateway.catalog.settings import Fetch
from gateway.errors import TooManyRequests
from gateway.fetch.addresses import Address, Network, is_allowed, is_public
from gateway.fetch.internet import Guard, Internet, Nowhere, Refused, SystemInternet
from gateway.fetch.targets import AddressRefused, Target, Unfetchable, redirected, understood

AT_ONCE = 16
"""Fetches that run together; each holds up to `max_bytes` in memory."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"User-Agent": f"Darkroom/{__version__}", "Accept-Encoding": "identity", "Connection": "close"}
_PICTURES = {"Accept": "image/png, image/jpeg, image/webp, image/*;q=0.8, */*;q=0.1"}
May = Callable[[Address], bool]
Origin = tuple[str, str, int]


class Fetched(Struct, frozen=True):
    data: bytes
    url: str
    """Where it was in the end."""


class Fetcher:
    """`limits` is asked at each call, so that a changed setting counts at once. Close it when the gateway ends."""

    def __init__(self, limits: Callable[[], Fetch], internet: Internet | None = None) -> None:
        self._limits = limits
        self._internet = internet or SystemInternet()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def fetch(self, url: str, *, field: str = "url", exempt_origin: str | None = None) -> Fetched:
        """The bytes behind a URL. What they are is for the reader to see: no header is believed.

        `exempt_origin` is a configured engine's own `scheme://host:port`, for that engine's pictures: there, and there
        exactly, the address may be private. Raises Unfetchable that names `field`, TooManyRequests.
        """
        target = understood(url, field)
        exempt = understood(exempt_origin, field).origin if exempt_origin else None
        limits = self._limits()
        async with self._turn(limits.seconds), _within(limits.seconds, target, field):
            return await self._follow(target, field, exempt, limits)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        allow: Iterable[Network] = (),
        seconds: float | None = None,
        field: str = "url",
    ) -> int:
        """Send a webhook; the answer's status, whichever it is. Redirects are not followed, the body is not read.

        `allow` are private networks that the operator lets it go to; `seconds` is instead of the setting. Raises
        Unfetchable that names `field`; AddressRefused of these is a matter of where it leads, the others may pass.
        """
        target = understood(url, field)
        seconds = seconds or self._limits().seconds
        async with _within(seconds, target, field), self._asked("POST", target, headers, body, _may(allow)) as answer:
            return answer.status

    async def check(self, url: str, *, allow: Iterable[Network] = (), field: str = "url", tells_names: bool = False) -> None:
        """See that the URL is one that would be asked now. Raises Unfetchable that names `field`.

        `tells_names`: who asks may learn which names there are in our network.
        """
        target = understood(url, field)
        async with _within(self._limits().seconds, target, field):
            try:
                await Guard(self._internet, _may(allow)).judged(target.host, target.port)
            except Nowhere:
                if not tells_names:
                    raise
                raise Unfetchable(f"{target.host} does not resolve: there is no such name.", field=field) from None

    def close(self) -> None:
        self._internet.close()

    @asynccontextmanager
    async def _turn(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError:
            message = "Too many URLs are being fetched now; try again a little later, or upload the picture."
            raise TooManyRequests(message, retry_after=max(1, round(seconds))) from None
        try:
            yield
        finally:
            self._turns.release()

    async def _follow(self, target: Target, field: str, exempt: Origin | None, limits: Fetch) -> Fetched:
        for _ in range(limits.max_redirects + 1):
            may: May = _anywhere if target.origin == exempt else is_public
            async with self._asked("GET", target, _PICTURES, None, may) as answer:
                location = _header(answer, b"location")
                if answer.status not in _REDIRECTS or not location:
                    return Fetched(await _body(answer, target, field, limits.max_bytes), str(target.url))
            target = redirected(target, location, field)
        raise Unfetchable(f"The URL redirects more than {limits.max_redirects} times.", field=field)

    @asynccontextmanager
    async def _asked(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None, may: May
    ) -> AsyncIterator[httpcore.Response]:
        """One request on a connection of its own: what was opened under one judgement never serves another."""
        scheme, host, port = target.origin
        url = httpcore.URL(scheme=scheme, host=host, port=port, target=target.url.raw_path)
        sent = {"Host": target.url.netloc.decode("ascii"), **_HEADERS, **headers}
        if body is not None:
            sent["Content-Length"] = str(len(body))
        guard = Guard(self._internet, may)
        async with httpcore.AsyncHTTPConnection(url.origin, self._internet.tls, network_backend=guard) as connection:
            answer = await connection.handle_async_request(
                httpcore.Request(method, url, headers=list(sent.items()), content=body)
            )
            try:
                yield answer
            finally:
                await answer.aclose()


@asynccontextmanager
async def _within(seconds: float, target: Target, field: str) -> AsyncIterator[None]:
    """What goes wrong on the way, as Unfetchable, and a limit on the whole of it."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except Refused:
        message = (
            f"{target.host} leads, by itself or by a redirect, to no public address, or does not resolve; "
            "only public addresses are gone to."
        )
        raise AddressRefused(message, field=field) from None
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise Unfetchable(f"{target.host} did not deliver within {seconds:g} seconds.", field=field) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unfetchable(f"{target.host} could not be asked, or broke off.", field=field) from error


async def _body(answer: httpcore.Response, target: Target, field: str, max_bytes: int) -> bytes:
    if answer.status != 200:
        raise Unfetchable(f"{target.host} answered {answer.status}.", field=field)
    if _header(answer, b"content-encoding").lower() not in ("", "identity"):
        raise Unfetchable(f"{target.host} compresses what it sends though it was asked not to.", field=field)
    data = bytearray()
    if not _tells_more(_header(answer, b"content-length"), max_bytes):
        async for chunk in answer.aiter_stream():
            data += chunk
            if len(data) > max_bytes:
                break
        else:
            return bytes(data)
    raise Unfetchable(f"The file is larger than the {max_bytes} bytes that are fetched.", field=field)


def _tells_more(content_length: str, max_bytes: int) -> bool:
    return (
        content_length.isascii() and content_length.isdigit() and (len(content_length) > 15 or int(content_length) > max_bytes)
    )


def _header(answer: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1").strip() for key, value in answer.headers if key.lower() == name), "")


def _may(allow: Iterable[Network]) -> May:
    return functools.partial(is_allowed, allowed=tuple(allow))


def _anywhere(_address: Address) -> bool:
    return True
