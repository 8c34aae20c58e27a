"""Pictures' bytes, by key or by signed address: plain ASGI, because this is what a page asks for a hundred times.

A signed address is answered without the database: its path, which the signature covers, names the bytes and their type.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from litestar.connection import ASGIConnection
from litestar.types import Send
from msgspec import Struct

from gateway.api import links
from gateway.api.access import Connection, bearer
from gateway.api.door import Door
from gateway.api.gallery.blobs import BlobReader, OpenBlob
from gateway.api.gallery.ranges import parse
from gateway.api.links import Stored
from gateway.db import Database, moment_of, now
from gateway.errors import BadSignature, InvalidInput, NotFound
from gateway.images import records
from gateway.images.closed import Closed
from gateway.images.publishing import Published
from gateway.images.records import Image
from gateway.sharing.live import LiveShares
from gateway.storage import BlobStore, Signer

SECOND = 1_000_000
Header = tuple[bytes, bytes]
REMEMBERED = 4096
"""Addresses whose signature was found good; a page comes back to the same ones."""
IN_PUBLIC = b"public, max-age=60"
"""What is taken out of the public gallery is gone from caches a minute later."""
_UNSAFE = re.compile(r"[^0-9A-Za-z-]")
"""In a file's name within a header."""
MINUTE = 60
"""Seconds that caches keep a shared picture: after that a link that was revoked is closed there too."""
NOT_INDEXED = (b"x-robots-tag", b"noindex, nofollow")
UNSIGNED = b"private, no-cache"
"""By key: kept by the client, but asked about each time, for the key may have gone."""


class Asked(NamedTuple):
    """What a path asks for."""

    path: str
    """Without the sub-path of a proxy."""
    image_id: str
    """Or the export's."""
    kind: str
    name: str | None
    """Of the bytes, in a signed address."""


class _Good(Struct, frozen=True):
    what: Stored
    expires_at: int
    """Microseconds since the epoch."""
    scope: str
    """`public` is good only while the picture is in the public gallery, `share` while the link is open, `trash` until the
    picture is deleted for good."""
    share: str = ""
    """By its name."""


class Pictures:
    """Answers for `/v1/images/{image_id}/content` and `/thumbnail`."""

    def __init__(self, db: Database, blobs: BlobStore, signer: Signer, door: Door, closed: Closed, shares: LiveShares) -> None:
        self._db = db
        self._shares = shares
        self._closed = closed
        self._reader = BlobReader(blobs)
        self._signer = signer
        self._door = door
        self.published = Published(db)
        """Tell it what was taken out of the public gallery."""
        self._good: OrderedDict[tuple[str, bytes], _Good] = OrderedDict()

    async def signed(self, scope: Any, asked: Asked, name: str, send: Send) -> None:
        """Answer a signed address. Raises BadSignature, LinkExpired, NotFound, RangeNotSatisfiable, StorageUnavailable."""
        query, download = _without_download(scope["query_string"])
        moment = now()
        good = self._good.get((asked.path, query))
        if good is None or good.expires_at <= moment:
            good = self._verified(asked, query, name, moment)
        caching = await self._see_it_open(asked, good, moment)
        hidden = (NOT_INDEXED,) if good.scope == links.SHARE else ()
        await self._answer(scope, asked, send, good.what, caching, *hidden, download=download)

    async def by_key(self, scope: Any, asked: Asked, send: Send) -> None:
        """Answer one who has a key or a session, after a look into the database.

        Raises NotAuthenticated, Forbidden, TooManyRequests and the same.
        """
        asking: Connection = ASGIConnection(scope)
        principal = await self._door.admit(asking, bearer(asking.headers.get("authorization")))
        principal.require("gallery.read")
        query = parse_qs(scope["query_string"].decode("latin-1"))
        size = _thumbnail_size(query) if asked.kind == "thumbnail" else None
        async with self._db.read() as connection:
            image = await records.get(connection, principal.team_id, asked.image_id)
        what = links.content(image) if size is None else links.thumbnail(image, size)
        await self._answer(scope, asked, send, what, UNSIGNED, download=query.get("download") == ["1"])

    async def download(self, scope: Any, image: Image, send: Send, *, attachment: bool = True) -> None:
        """Answer one of whom another surface has seen that the picture is theirs. Raises as `signed` does."""
        asked = Asked(scope["path"], image.id, "content", None)
        await self._answer(scope, asked, send, links.content(image), UNSIGNED, download=attachment)

    def _verified(self, asked: Asked, query: bytes, name: str, moment: int) -> _Good:
        grant = self._signer.verify(asked.path, query, moment)
        is_archive = asked.kind == links.ARCHIVE
        what = links.archive(asked.image_id) if is_archive else links.stored(name)
        if what is None:
            raise NotFound("There is no such picture.")
        scopes = (links.EXPORT,) if is_archive else ("live", links.PUBLIC, links.TRASH, links.SHARE)
        if grant.scope not in scopes:
            raise BadSignature("This link was made for another place.")
        share = parse_qs(query.decode("latin-1")).get(links.SHARED_BY, [""])[0] if grant.scope == links.SHARE else ""
        good = _Good(what, moment + grant.seconds_left * SECOND, grant.scope, share)
        self._good[asked.path, query] = good
        if len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        return good

    async def _see_it_open(self, asked: Asked, good: _Good, moment: int) -> bytes:
        """How long the answer may be kept. Raises NotFound, LinkExpired for what a good signature opens no longer."""
        if good.scope == links.EXPORT:
            return b"private, max-age=%d" % ((good.expires_at - moment) // SECOND)
        if good.scope == links.TRASH:
            await self._closed.require_kept(asked.image_id)
        elif self._closed.may_be(asked.image_id):
            await self._closed.require(asked.image_id)
        if good.scope == links.PUBLIC:
            await self.published.require(asked.image_id, good.what.hash)
            return IN_PUBLIC
        if good.scope == links.SHARE:
            share = (await self._shares.by_name(good.share, good.what.hash)).share
            left = MINUTE if share.expires_at is None else min(MINUTE, (share.expires_at - moment) // SECOND)
            return b"%s, max-age=%d" % (b"private" if share.password else b"public", left)
        return b"private, max-age=%d, immutable" % ((good.expires_at - moment) // SECOND)

    async def _answer(
        self, scope: Any, asked: Asked, send: Send, what: Stored, caching: bytes, *more: Header, download: bool
    ) -> None:
        said = dict(scope["headers"])
        etag = b'"%s"' % what.hash.encode()
        always = [(b"etag", etag), (b"cache-control", caching), *more]
        if _matches(said.get(b"if-none-match"), etag):
            await send({"type": "http.response.start", "status": 304, "headers": always})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        with await self._reader.open(what.hash) as blob:
            # An If-Range that names other bytes asks for the whole of these.
            ranged = said.get(b"range") if said.get(b"if-range", etag) == etag else None
            part = parse(ranged, blob.size) if ranged else None
            start, stop = part or (0, blob.size)
            headers = [
                *always,
                *_about(asked.image_id, asked.kind, what, download),
                (b"content-length", b"%d" % (stop - start)),
            ]
            if part:
                headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, blob.size)))
            await send({"type": "http.response.start", "status": 206 if part else 200, "headers": headers})
            await _send_body(send, blob, start, stop, head=scope["method"] == "HEAD")


async def _send_body(send: Send, blob: OpenBlob, start: int, stop: int, *, head: bool) -> None:
    if head or start == stop:
        body = b""
    elif blob.data is not None:
        body = blob.data[start:stop]
    else:
        async for chunk in blob.chunks(start, stop):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _without_download(query: bytes) -> tuple[bytes, bool]:
    """The query without `download`, which the client may add to what was signed; and whether it is wanted."""
    if b"download" not in query:
        return query, False
    kept = [part for part in query.split(b"&") if part not in (b"download=1", b"download=0", b"download")]
    return b"&".join(kept), b"download=1" in query.split(b"&")


def _thumbnail_size(asked: dict[str, list[str]]) -> int:
    given = asked.get("size", ["256"])[-1]
    if given not in ("256", "768"):
        raise InvalidInput("size must be 256 or 768.", field="size")
    return int(given)


def _matches(given: bytes | None, etag: bytes) -> bool:
    # An ETag of ours is a hash in quotes, so it cannot be a part of another one.
    return given is not None and (etag in given or given.strip() == b"*")


@lru_cache(REMEMBERED)
def _about(image_id: str, kind: str, what: Stored, download: bool) -> tuple[Header, ...]:
    """The headers that are the same for all of these bytes, and for any part of them."""
    safe = (b"content-type", what.media_type.encode()), (b"x-content-type-options", b"nosniff")
    if kind == "thumbnail" and not download:
        # Small, and nobody's file: each header of it would be sent a hundred times for a page.
        return safe
    named = (b"content-disposition", _disposition(image_id, what, download=download))
    return *safe, (b"accept-ranges", b"bytes"), named


def _disposition(image_id: str, what: Stored, *, download: bool) -> bytes:
    if what.media_type == links.ZIP:
        # An archive is for keeping, among others of its kind: an id begins with when it was made.
        day = datetime.fromtimestamp(moment_of(image_id) / SECOND, UTC).date()
        return f'attachment; filename="darkroom-{day}-{image_id[:8]}.zip"'.encode()
    safe = _UNSAFE.sub("", image_id) or "picture"
    kind = "attachment" if download else "inline"
    return f'{kind}; filename="{safe}.{what.extension}"'.encode()
