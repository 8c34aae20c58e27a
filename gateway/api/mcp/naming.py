"""How tools are told which picture: by its id, as a resource, by a URL, or with the picture itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.accounts import Principal
from gateway.api.links import Links
from gateway.api.mcp.wire import IMAGES
from gateway.api.tasks.asked import AnyPicture, ArtifactPicture, DataUriPicture, UrlPicture
from gateway.db import Database
from gateway.errors import DarkroomError, InvalidInput, NotFound
from gateway.images import records

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WAYS = re.compile(r"\.(?:artifact_id|url|data_uri)$")
_LONGEST_URL = 8192
_FILES = " A file on your side is uploaded first: POST /v1/uploads with the same key, as the form's `file`, answers with an id."
_HERE = {
    "image_id": "image",
    "references": "extra_images",
    "next": "cursor",
    "tags[]": "tags",
    "from": "since",
    "to": "until",
    "Idempotency-Key": "idempotency_key",
}
"""The word of other surfaces for a field -> the one that the tools have for it."""


def id_of(name: str, field: str, more: str = "") -> str:
    """The id that a picture is called by, or the one in its URI. Raises InvalidInput, which ends in `more`."""
    id_ = name.strip().removeprefix(IMAGES)
    if not _ID.fullmatch(id_):
        told = f"{name[:60]!r} is no picture's id; search_images tells ids, and every tool that makes pictures.{more}"
        raise InvalidInput(told, field=field)
    return id_.lower()


def id_here(links: Links, name: str, field: str) -> str:
    """The same, or the one in the URL of a picture of this gateway. Raises InvalidInput."""
    return id_of(links.image_of(name.strip()) or name, field, " Only pictures of the gallery are looked at here.")


async def picture(db: Database, links: Links, principal: Principal, name: str, field: str) -> AnyPicture:
    """What the other surfaces call it. A URL of one of the team's own pictures names that picture, so that what is made of
    it stands beside it in the gallery. Raises InvalidInput for what names no picture."""
    name = name.strip()
    if name[:5].lower() == "data:":
        return DataUriPicture(name)
    if not name.lower().startswith(("http://", "https://")):
        return ArtifactPicture(id_of(name, field, _FILES))
    if len(name) > _LONGEST_URL:
        raise InvalidInput(f"{field} is longer than addresses are; send the picture itself, as a data: URI.", field=field)
    own = links.image_of(name)
    return ArtifactPicture(own) if own and await _has(db, principal, own) else UrlPicture(name)


@contextmanager
def of_a_job() -> Iterator[None]:
    """What is not there is the job that was named."""
    try:
        yield
    except NotFound as error:
        error.field = "job_id"
        raise


@contextmanager
def in_our_words() -> Iterator[None]:
    """What is refused, by the names that the fields have here."""
    try:
        yield
    except DarkroomError as error:
        field = _WAYS.sub("", error.field)
        error.field = _HERE.get(field, field)
        raise


async def _has(db: Database, principal: Principal, image_id: str) -> bool:
    async with db.read() as connection:
        try:
            await records.get(connection, principal.team_id, image_id)
        except NotFound:
            return False
    return True
