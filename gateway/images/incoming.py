"""Pictures that people bring: uploaded, within a request, behind a URL, or kept here already.

Each becomes an image with the source `upload`, hidden until it is saved. Its bytes stay as they were given; what they
are is seen by reading them, and everything that a header or a name says about it is passed over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from gateway.accounts import Principal
from gateway.catalog import Settings
from gateway.db import Database, moment_of, new_id, now
from gateway.errors import BadSignature, InvalidInput, LinkExpired, NotFound, WrongState
from gateway.fetch import Fetcher, Unfetchable
from gateway.images import records, uploads
from gateway.images.records import Image
from gateway.images.unpacking import unpacked
from gateway.storage import BlobStore, Finished, keep, ledger, png
from gateway.storage.blobs import content_hash
from gateway.storage.inplace import FileChanged
from gateway.storage.reading import UnreadablePicture, read, sniff
from gateway.storage.scaling import luminance

READERS = 2
"""Pictures that are unpacked at a time; each takes up to eight bytes for each of `max_pixels`."""
LONGEST_TITLE = 200
_RGBA, _OPAQUE = 4, 255
_ID = re.compile(r"[0-9a-fA-F-]{36}")
_DATA_URI = re.compile(r"\s*data:(?P<type>[^;,]*)(?:;(?!base64,)[^;,]*)*;base64,", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_T = TypeVar("_T")


async def _not_ours(_url: str) -> str | None:
    return None


class Incoming:
    """Close it when the gateway ends; it reads pictures in threads of its own."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        fetcher: Fetcher,
        settings: Callable[[], Settings],
        own: Callable[[str], Awaitable[str | None]] = _not_ours,
    ) -> None:
        """`own` knows the gateway's own signed URLs: which blob one opens; None for any other URL."""
        self._db = db
        self._blobs = blobs
        self._fetcher = fetcher
        self._settings = settings
        self._own = own
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="incoming")

    async def keep(
        self, principal: Principal, data: bytes, *, field: str, title: str = "", parameters: Mapping[str, Any] | None = None
    ) -> Image:
        """Keep what was uploaded: PNG, JPEG, WebP or GIF; of an animation the first frame is what models see. `parameters`
        are what the client said of it.

        AVIF is not taken: a file of some megabytes can list so many items that reading it stops every thread for minutes.
        Raises UnreadablePicture that names `field`, StorageUnavailable.
        """
        if sniff(data) == "image/avif":
            raise UnreadablePicture("AVIF is not taken; save it as PNG, JPEG, WebP or GIF.", field=field)
        image_id, largest = new_id(), self._settings().uploads.max_pixels
        finished = await self._in_thread(lambda: keep(data, field=field, largest_pixels=largest))
        refs = await ledger.keep(self._db, self._blobs, finished.data, *finished.thumbnails.values())
        blobs = dict(zip((0, *finished.thumbnails), (ref.hash for ref in refs), strict=True))
        image = _upload(image_id, principal, finished, blobs, _shown(title), dict(parameters or {}))
        async with self._db.write() as connection:
            await records.add(connection, image)
        return image

    async def take(self, principal: Principal, data: bytes, *, field: str) -> Image:
        """The same for what a request brings along. Who brought these bytes along before uses that upload once more: clients
        send a whole conversation with each turn, its pictures too. It is read anew only where it may be too large by now.
        """
        digest = await asyncio.to_thread(content_hash, data)
        async with self._db.read() as connection:
            image = await uploads.same(connection, principal.team_id, principal.user_id, digest)
        if image is None or image.width * image.height > self._settings().uploads.max_pixels:
            return await self.keep(principal, data, field=field)
        # Here they are, whatever became of them in the store.
        await ledger.keep(self._db, self._blobs, data)
        return image if await uploads.use(self._db, image) else await self.keep(principal, data, field=field)

    async def from_url(self, principal: Principal, url: str, field: str, *, exempt_origin: str | None = None) -> Image:
        """Keep what a URL leads to; `exempt_origin` as in `Fetcher.fetch`. Raises Unfetchable, TooManyRequests too.

        A signed URL of the gateway itself opens as it does for everybody, but without a way over the network: the
        gateway's own address may be one that is not gone to.
        """
        try:
            own = await self._own(url)
            data = await self._blobs.get(own) if own else None
        except (BadSignature, LinkExpired, NotFound) as error:
            raise Unfetchable(error.message, field=field) from error
        if data is None:
            data = (await self._fetcher.fetch(url, field=field, exempt_origin=exempt_origin)).data
        return await self.take(principal, data, field=field)

    async def from_data_uri(self, principal: Principal, text: str, field: str) -> Image:
        """Keep what a `data:` URI holds in base64. Raises InvalidInput that names `field`."""
        head = _DATA_URI.match(text, 0, 1024)
        if head is None:
            raise InvalidInput("This is no data URI of a picture; write data:image/png;base64,….", field=field)
        return await self.from_base64(principal, head["type"], text, field, begin=head.end())

    async def from_base64(self, principal: Principal, mime: str, text: str, field: str, *, begin: int = 0) -> Image:
        """Keep a picture in base64, the usual alphabet or the one for URLs. Raises InvalidInput that names `field`.

        `mime` is what the client calls it, or empty; it must be some picture's, and is not believed beyond that. The
        picture stands in `text` from the character `begin` on.
        """
        if mime and not mime.strip().lower().startswith("image/"):
            raise InvalidInput(f"{mime[:60]!r} is no type of a picture; send a PNG, JPEG or WebP.", field=field)
        return await self.take(principal, await self._in_thread(lambda: _unpacked(text, begin, field)), field=field)

    async def from_alpha(self, principal: Principal, data: bytes, field: str) -> Image:
        """Keep a mask whose transparent pixels are what shall be painted anew, as ours: white there, black elsewhere.

        Raises UnreadablePicture, and InvalidInput for one without a transparent pixel; both name `field`.
        """
        largest = self._settings().uploads.max_pixels
        return await self.take(principal, await self._in_thread(lambda: _from_alpha(data, field, largest)), field=field)

    async def alpha_of(self, principal: Principal, image: Image, field: str) -> Image:
        """The same of a picture that is kept here. Raises as `BlobStore.get` does, too."""
        return await self.from_alpha(principal, await self._blobs.get(image.blob), field)

    async def of_team(self, principal: Principal, image_id: str, field: str) -> Image:
        """The team's picture, to be used now: an upload of it is kept for its days once more.

        Raises NotFound that names `field`, for another team's too; WrongState for one in the trash, or whose file is lost.
        """
        missing = NotFound(f"There is no image {image_id[:60]}.", field=field)
        if not _ID.fullmatch(image_id):
            raise missing
        async with self._db.read() as connection:
            try:
                image = await records.get(connection, principal.team_id, image_id)
            except NotFound:
                raise missing from None
        if image.deleted_at is not None:
            raise WrongState(f"The image {image_id} is in the trash; restore it to use it.", field=field)
        if image.lost_at is not None:
            raise WrongState(
                f"The file of image {image_id} is lost: only what is known of it is left. Once the file is back, as from a "
                "backup, `darkroom storage check --repair` makes the image whole.",
                field=field,
            )
        if not await uploads.use(self._db, image):
            raise missing
        return image

    async def marks_something(self, mask: Image) -> bool:
        """Whether a mask has anything in it that is not black. Raises NotFound, UnreadablePicture."""
        try:
            data, largest = await self._blobs.get(mask.blob), max(mask.width * mask.height, 1)
        except FileChanged as error:
            raise UnreadablePicture(error.message, field="mask") from error
        return await self._in_thread(lambda: bool(luminance(read(data, largest_pixels=largest).pixels).any()))

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _unpacked(text: str, begin: int, field: str) -> bytes:
    try:
        return unpacked(text, begin)
    except ValueError:
        raise InvalidInput("This is not base64.", field=field) from None


def _from_alpha(data: bytes, field: str, largest_pixels: int) -> bytes:
    pixels = read(data, field=field, largest_pixels=largest_pixels).pixels
    alpha = pixels[:, :, 3] if pixels.shape[2] == _RGBA else None
    if alpha is None or not (alpha < _OPAQUE).any():
        raise InvalidInput("The mask has no transparent pixel; what shall be painted anew must be transparent.", field=field)
    return png.encode(_OPAQUE - alpha)


def _shown(title: str) -> str:
    """What a person can read of it, on one line; of a path the name alone, for folders are nobody else's to know."""
    name = re.split(r"[/\\]", title)[-1]
    return _UNSEEN.sub(" ", name).strip()[:LONGEST_TITLE]


def _upload(
    image_id: str, principal: Principal, finished: Finished, blobs: dict[int, str], title: str, parameters: dict[str, Any]
) -> Image:
    return Image(
        id=image_id,
        team_id=principal.team_id,
        user_id=principal.user_id,
        job_id=None,
        ordinal=0,
        parent_id=None,
        source="upload",
        blob=blobs[0],
        thumbnail_256=blobs[256],
        thumbnail_768=blobs.get(768),
        thumbhash=finished.thumbhash,
        media_type=finished.media_type,
        bytes=len(finished.data),
        width=finished.width,
        height=finished.height,
        title=title,
        model="",
        engine="",
        prompt="",
        negative_prompt="",
        seed=None,
        parameters=parameters,
        created_at=moment_of(image_id),
        deleted_at=None,
        unsaved_at=now(),
    )
