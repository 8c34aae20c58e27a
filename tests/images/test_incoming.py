"""Pictures that people bring, by every way that there is, honest and otherwise."""

from __future__ import annotations

import asyncio
import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert, update

from gateway.accounts import Principal
from gateway.accounts.tables import teams
from gateway.db import Database, across_teams, new_id, now
from gateway.errors import InvalidInput, NotFound, WrongState
from gateway.fetch import AddressRefused, Unfetchable
from gateway.images import library, records
from gateway.images.incoming import LONGEST_TITLE, Incoming
from gateway.images.labels import label
from gateway.images.library import Wanted
from gateway.images.tables import images
from gateway.images.uploads import HOUR
from gateway.storage import BlobStore
from gateway.storage.reading import UnreadablePicture
from tests.fakes.web import Web, moved, ok


def saved(form: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(np.arange(size[0] * size[1] * 3, dtype=np.uint32).astype(np.uint8).reshape(size[1], size[0], 3))
    image.convert(mode).save(out, form, **options)
    return out.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("JPEG", exif=exif)


def deep() -> bytes:
    rows = b"".join(b"\0" + struct.pack(">6H", 0x1234, 0xABCD, 0xFFFF, 0, 0x8000, 0xFF) for _ in range(2))
    return chunks((b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)))


def bomb(width: int, height: int) -> bytes:
    return chunks((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(10_000_000))))


def chunks(*kept: tuple[bytes, bytes]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in (*kept, (b"IEND", b"")):
        out += struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
    return out


def moving(form: str) -> bytes:
    frames = [Image.new("RGB", (64, 48), color) for color in ("red", "lime", "blue")]
    return saved(form) if form == "JPEG" else _many(frames, form)


def _many(frames: list[Image.Image], form: str) -> bytes:
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


# --------------------------------------------------------------------------------------------- what is kept

GOOD = {
    "png": (saved(), "image/png", (64, 48)),
    "jpeg": (saved("JPEG"), "image/jpeg", (64, 48)),
    "webp": (saved("WEBP"), "image/webp", (64, 48)),
    "gif": (saved("GIF"), "image/gif", (64, 48)),
    "transparent": (saved(mode="RGBA"), "image/png", (64, 48)),
    "one bit": (saved(mode="1"), "image/png", (64, 48)),
    "palette": (saved(mode="P"), "image/png", (64, 48)),
    "cmyk": (saved("JPEG", mode="CMYK"), "image/jpeg", (64, 48)),
    "sixteen bits": (deep(), "image/png", (2, 2)),
    "progressive": (saved("JPEG", progressive=True), "image/jpeg", (64, 48)),
    "turned": (turned(), "image/jpeg", (48, 64)),
    "moving gif": (moving("GIF"), "image/gif", (64, 48)),
    "moving webp": (moving("WEBP"), "image/webp", (64, 48)),
    "moving png": (moving("PNG"), "image/png", (64, 48)),
    "one pixel": (saved(size=(1, 1)), "image/png", (1, 1)),
    "a strip": (saved(size=(50_000, 2)), "image/png", (50_000, 2)),
    # Something else behind it, or in it: it is kept as the picture that it is, and served as nothing else.
    "with a page behind": (saved() + b"<script>alert(1)</script>", "image/png", (64, 48)),
    "with an archive behind": (saved("JPEG") + b"PK\x03\x04" + bytes(60), "image/jpeg", (64, 48)),
    "with a script inside": (saved("GIF", comment=b"*/=1;alert(1)//"), "image/gif", (64, 48)),
}


@pytest.mark.parametrize(("data", "media_type", "size"), GOOD.values(), ids=GOOD)
async def test_a_picture_is_kept_as_it_was_given(
    data: bytes,
    media_type: str,
    size: tuple[int, int],
    incoming: Incoming,
    principal: Principal,
    database: Database,
    blobs: BlobStore,
) -> None:
    image = await incoming.keep(principal, data, field="file")
    assert (image.media_type, (image.width, image.height)) == (media_type, size)
    assert image.bytes == len(data)
    assert await blobs.get(image.blob) == data
    with Image.open(io.BytesIO(await blobs.get(image.thumbnail_256))) as thumbnail:
        assert thumbnail.format == "WEBP"
        assert max(thumbnail.size) <= 256
    assert image.thumbhash
    async with database.read() as connection:
        assert await records.get(connection, principal.team_id, image.id) == image


async def test_an_upload_is_hidden_until_it_is_saved(incoming: Incoming, principal: Principal, database: Database) -> None:
    image = await incoming.keep(principal, saved(), field="file", title="a cat")
    assert (image.source, image.saved, image.title, image.job_id) == ("upload", False, "a cat", None)
    assert (image.team_id, image.user_id) == (principal.team_id, principal.user_id)
    team = principal.team_id

    async def shown() -> list[str]:
        async with database.read() as connection:
            return [each.id for each in (await library.page(connection, team, Wanted(), limit=9)).images]

    assert await shown() == []
    async with database.write() as connection:
        assert (await label(connection, team, image.id, saved=True)).saved
    assert await shown() == [image.id]
    async with database.write() as connection:
        await connection.execute(across_teams(update(images)).values(published_at=now()))
        hidden = await label(connection, team, image.id, saved=False)
    assert (hidden.saved, hidden.published_at) == (False, None), "what its own team does not see, nobody does"
    assert await shown() == []
    async with database.write() as connection:
        with pytest.raises(NotFound):
            await label(connection, new_id(), image.id, saved=True)


async def test_what_was_made_here_cannot_be_unsaved(incoming: Incoming, principal: Principal, database: Database) -> None:
    image = await incoming.keep(principal, saved(), field="file")
    async with database.write() as connection:
        made = across_teams(update(images)).where(images.c.id == image.id).values(source="generate", unsaved_at=None)
        await connection.execute(made)
        with pytest.raises(WrongState):
            await label(connection, principal.team_id, image.id, saved=False)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("แมว 🐈.png", "แมว 🐈.png"),
        ("  a\x00b\r\nc\x1b[31m ", "a b c [31m"),
        ("\ud800", ""),
        ("x" * 999, "x" * LONGEST_TITLE),
    ],
)
async def test_a_title_is_one_readable_line(given: str, kept: str, incoming: Incoming, principal: Principal) -> None:
    assert (await incoming.keep(principal, saved(), field="file", title=given)).title == kept


async def test_the_same_bytes_are_kept_once(incoming: Incoming, principal: Principal) -> None:
    one, two = await asyncio.gather(*(incoming.keep(principal, saved(), field="file") for _ in range(2)))
    assert one.id != two.id
    assert one.blob == two.blob


# ------------------------------------------------------------------------------------------ what is refused

BAD = {
    "avif": saved("AVIF"),
    "nothing": b"",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "svg with a header": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "html": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "pdf with a picture": b"%PDF-1.7\n" + saved("JPEG"),
    "script that calls itself GIF": b"GIF89a/*" + b"*/=1;alert(1)//",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "tiff": saved("TIFF"),
    "bmp": saved("BMP"),
    "ico": saved("ICO"),
    "cut short": saved("PNG", size=(200, 200))[:-400],
    "cut short jpeg": saved("JPEG", size=(200, 200))[:700],
    "header alone": saved()[:33],
    "wide bomb": bomb(60_000, 60_000),
    "just over": saved(size=(1001, 100)),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
async def test_what_is_no_picture_is_refused(data: bytes, incoming: Incoming, principal: Principal, database: Database) -> None:
    with pytest.raises(UnreadablePicture) as caught:
        await incoming.keep(principal, data, field="image")
    assert caught.value.field == "image"
    assert caught.value.status == 422
    async with database.read() as connection:
        assert (await connection.execute(across_teams(images.select()))).all() == []


# ---------------------------------------------------------------------------------------------- other ways


async def test_a_picture_behind_a_url(incoming: Incoming, principal: Principal, web: Web, blobs: BlobStore) -> None:
    await web.serve(ok(saved(), "Content-Type: text/plain"))
    image = await incoming.from_url(principal, "https://pictures.example/a.svg".replace("https", "http"), "image.url")
    assert (image.media_type, image.source) == ("image/png", "upload")
    assert await blobs.get(image.blob) == saved()


async def test_a_url_that_gives_no_picture(incoming: Incoming, principal: Principal, web: Web) -> None:
    await web.serve(ok(b"<svg/>", "Content-Type: image/png"))
    with pytest.raises(UnreadablePicture) as caught:
        await incoming.from_url(principal, "http://pictures.example/a.png", "refImageUrls[0]")
    assert caught.value.field == "refImageUrls[0]"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1/a.png", AddressRefused),
        ("http://me:x@pictures.example/", Unfetchable),
        ("http://pictures.example/moved", AddressRefused),
    ],
)
async def test_a_url_that_is_not_followed(
    url: str, kind: type[Unfetchable], incoming: Incoming, principal: Principal, web: Web
) -> None:
    await web.serve(moved("http://169.254.169.254/"))
    with pytest.raises(kind) as caught:
        await incoming.from_url(principal, url, "image.url")
    assert caught.value.field == "image.url"


PNG = saved()
URIS = [
    f"data:image/png;base64,{encoded(PNG)}",
    f"data:image/jpeg;base64,{encoded(PNG)}",
    f"data:;base64,{encoded(PNG)}",
    f"DATA:image/png;charset=utf-8;BASE64,{encoded(PNG)}",
    f"  data:image/png;name=a.png;base64,{encoded(PNG)}\n",
    f"data:image/png;base64,{encoded(PNG).rstrip('=')}",
    f"data:image/png;base64,{base64.urlsafe_b64encode(PNG).decode()}",
    "data:image/png;base64," + "\r\n".join(encoded(PNG)[at : at + 76] for at in range(0, len(encoded(PNG)), 76)),
]


@pytest.mark.parametrize("text", URIS)
async def test_a_picture_in_a_data_uri(text: str, incoming: Incoming, principal: Principal, blobs: BlobStore) -> None:
    image = await incoming.from_data_uri(principal, text, "image.data_uri")
    assert image.media_type == "image/png", "what its bytes are, not what it is called"
    assert await blobs.get(image.blob) == PNG


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no data URI"),
        ("https://pictures.example/a.png", "no data URI"),
        (encoded(PNG), "no data URI"),
        ("data:image/png,%89PNG", "no data URI"),
        ("data:" + "x" * 5000 + ";base64,AAAA", "no data URI"),
        ("data:text/html;base64,AAAA", "no type of a picture"),
        ("data:image/png;base64,####", "not base64"),
        ("data:image/png;base64,รูป", "not base64"),
        ("data:image/png;base64,A", "not base64"),
        ("data:image/png;base64,AA=AAAA", "not base64"),
        ("data:image/png;base64,", "not a PNG"),
        (f"data:image/svg+xml;base64,{encoded(b'<svg/>')}", "not a PNG"),
    ],
)
async def test_data_uris_that_hold_no_picture(text: str, says: str, incoming: Incoming, principal: Principal) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        await incoming.from_data_uri(principal, text, "mask.data_uri")
    assert caught.value.field == "mask.data_uri"


@pytest.mark.parametrize("mime", ["", "image/png", "IMAGE/JPEG"])
async def test_a_picture_in_base64(mime: str, incoming: Incoming, principal: Principal) -> None:
    assert (await incoming.from_base64(principal, mime, encoded(PNG), "refImageBase64")).media_type == "image/png"


async def test_base64_of_something_else(incoming: Incoming, principal: Principal) -> None:
    with pytest.raises(InvalidInput, match="'application/pdf' is no type of a picture") as caught:
        await incoming.from_base64(principal, "application/pdf", encoded(PNG), "refImageBase64")
    assert caught.value.field == "refImageBase64"


# ----------------------------------------------------------------------------------------- what is here already


async def test_a_teams_own_picture_is_found(incoming: Incoming, principal: Principal) -> None:
    image = await incoming.keep(principal, saved(), field="file")
    assert await incoming.of_team(principal, image.id, "image.artifact_id") == image


@pytest.mark.parametrize("image_id", ["", "x", "\x00" * 36, "a" * 400, "ฟ" * 36])
async def test_a_name_that_is_none(image_id: str, incoming: Incoming, principal: Principal) -> None:
    with pytest.raises(NotFound) as caught:
        await incoming.of_team(principal, image_id, "image.artifact_id")
    assert caught.value.field == "image.artifact_id"


async def test_another_teams_picture_is_not_there(incoming: Incoming, principal: Principal, database: Database) -> None:
    image = await incoming.keep(principal, saved(), field="file")
    async with database.write() as connection:
        await connection.execute(insert(teams), [{"id": (other := new_id()), "name": "others", "created_at": now()}])
    stranger = Principal(other, principal.user_id, principal.key_id, principal.permissions)
    with pytest.raises(NotFound) as caught:
        await incoming.of_team(stranger, image.id, "image.artifact_id")
    assert caught.value.message == f"There is no image {image.id}."


async def test_a_picture_in_the_trash_is_not_used(incoming: Incoming, principal: Principal, database: Database) -> None:
    image = await incoming.keep(principal, saved(), field="file")
    async with database.write() as connection:
        await connection.execute(across_teams(update(images)).values(deleted_at=now()))
    with pytest.raises(WrongState, match="in the trash") as caught:
        await incoming.of_team(principal, image.id, "image.artifact_id")
    assert caught.value.field == "image.artifact_id"


@pytest.mark.parametrize(("ago", "noted"), [(2 * HOUR, True), (HOUR // 2, False), (None, False)])
async def test_a_use_is_written_down(
    ago: int | None, noted: bool, incoming: Incoming, principal: Principal, database: Database
) -> None:
    image = await incoming.keep(principal, saved(), field="file")
    before = None if ago is None else now() - ago
    async with database.write() as connection:
        await connection.execute(across_teams(update(images)).values(unsaved_at=before))
    await incoming.of_team(principal, image.id, "image")
    async with database.read() as connection:
        after = (await records.get(connection, principal.team_id, image.id)).unsaved_at
    assert after == before if not noted else after is not None and after > now() - HOUR
