"""Making links, changing and revoking them. An image has one link at most; every act is written into the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import ColumnElement, bindparam, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal, audit, passwords
from gateway.db import Database, across_teams, insert_ignore, new_id, now, of_team
from gateway.errors import AlreadyExists, InvalidInput, NotFound, WrongState
from gateway.images import records
from gateway.images.closed import Closed
from gateway.images.image import Image
from gateway.images.publishing import copy_of
from gateway.sharing import entry
from gateway.sharing.entry import Entry
from gateway.sharing.live import LiveShares
from gateway.sharing.share import Share, digest_of, from_row, token_of
from gateway.sharing.tables import shares
from gateway.sharing.views import Views
from gateway.storage import BlobStore, ledger
from gateway.storage.tables import blobs


class Wish(Struct, frozen=True, kw_only=True):
    """What a link shall be; what is left out stays as it is, or is not there. Times are microseconds since the epoch."""

    expires_at: int | UnsetType | None = UNSET
    show_prompt: bool | UnsetType = UNSET
    password: str | UnsetType | None = UNSET

    @property
    def given(self) -> dict[str, Any]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}


class Sharing:
    """`keys` are for tokens and for cookies, `site` is how clients reach us. `live`, `views` and `entry` serve the page."""

    def __init__(self, db: Database, store: BlobStore, closed: Closed, keys: tuple[bytes, bytes], site: str) -> None:
        self._db = db
        self._store = store
        self._key, cookies = keys
        self.site = site.rstrip("/")
        self.live = LiveShares(db, closed)
        self.views = Views(db)
        self.entry = Entry(cookies)

    def token(self, share: Share) -> str:
        return token_of(self._key, share.id)

    def url(self, share: Share) -> str:
        """The page."""
        return f"{self.site}/s/{self.token(share)}"

    async def create(self, principal: Principal, image_id: str, wish: Wish) -> tuple[Share, bool]:
        """The image's link, and whether it is a new one: as long as one lives there is no other.

        Raises NotFound, WrongState (trash, unsaved upload), InvalidInput, AlreadyExists where the one that lives is not
        as wanted, and StorageUnavailable.
        """
        async with self._db.read() as connection:
            image, share = await self._of(connection, principal, image_id)
        _must_be_shown(image)
        if share is not None and not share.is_over(now()):
            return await _as_wanted(share, wish), False
        given = await _checked(wish)
        copy = await copy_of(self._db, self._store, image)
        source_type = copy.source_type or _source_type(image)
        made = self._made(principal, image, copy_blob=copy.blob, source_type=source_type, **given)
        async with self._db.write() as connection:
            image, share = await self._of(connection, principal, image_id)
            _must_be_shown(image)
            if share is not None and share.is_over(now()):
                await _end(connection, share, is_revoked=False)
            await ledger.hold(connection, [copy.blob])
            await insert_ignore(connection, shares, msgspec.structs.asdict(made))
            _, share = await self._of(connection, principal, image_id)
            assert share is not None
            if share.id == made.id:
                await audit.record(connection, principal, "share.create", image_id, _told(made))
        self.live.forget()
        return share, share.id == made.id

    async def change(self, principal: Principal, image_id: str, wish: Wish) -> Share:
        """The link with what is given changed; one that has expired lives again with a new end.

        Raises NotFound, WrongState, InvalidInput.
        """
        given = await _checked(wish)
        async with self._db.write() as connection:
            image, share = await self._of(connection, principal, image_id)
            share = _must_be_there(share, image_id)
            _must_be_shown(image)
            changed = msgspec.structs.replace(share, **given)
            if changed != share:
                row = of_team(update(shares), principal.team_id, shares).where(shares.c.id == share.id)
                await connection.execute(row.values(given))
                await audit.record(connection, principal, "share.change", image_id, _told(changed))
        self.live.forget()
        return changed

    async def revoke(self, principal: Principal, image_id: str) -> None:
        """Close the link for good. Raises NotFound."""
        async with self._db.write() as connection:
            _, share = await self._of(connection, principal, image_id)
            share = _must_be_there(share, image_id)
            await _end(connection, share, is_revoked=True)
            told = _told(share) | {"views": share.views + self.views.unwritten(share.id)}
            await audit.record(connection, principal, "share.revoke", image_id, told)
        self.live.forget()

    async def get(self, principal: Principal, image_id: str) -> Share:
        """The image's link. Raises NotFound."""
        async with self._db.read() as connection:
            _, share = await self._of(connection, principal, image_id)
        return _must_be_there(share, image_id)

    async def _of(self, connection: AsyncConnection, principal: Principal, image_id: str) -> tuple[Image, Share | None]:
        image = await records.get(connection, principal.team_id, image_id)
        return image, (await of_images(connection, principal.team_id, [image_id])).get(image_id)

    def _made(self, principal: Principal, image: Image, **values: Any) -> Share:
        share_id = new_id()
        others = {"show_prompt": False, "password": None, "expires_at": None} | values
        return Share(
            id=share_id,
            team_id=principal.team_id,
            user_id=principal.user_id,
            image_id=image.id,
            digest=digest_of(token_of(self._key, share_id)) or "",
            created_at=now(),
            ended_at=None,
            is_revoked=False,
            views=0,
            **others,
        )


_LIVING = of_team(select(shares), bindparam("team"), shares).where(
    shares.c.image_id.in_(bindparam("images", expanding=True)), shares.c.ended_at.is_(None)
)
"""Built once: every page of a list asks it."""


async def of_images(connection: AsyncConnection, team_id: str, image_ids: Sequence[str]) -> dict[str, Share]:
    """The links that the team's images have now, by the image's id: one statement for a whole page."""
    if not image_ids:
        return {}
    found = await connection.execute(_LIVING, {"team": team_id, "images": image_ids})
    return {row.image_id: from_row(row) for row in found}


def referenced() -> ColumnElement[bool]:
    """For `ledger.sweep`: whether a blob is what some link shows."""
    return exists().where(shares.c.copy_blob == blobs.c.hash)


async def _end(connection: AsyncConnection, share: Share, *, is_revoked: bool) -> None:
    # The copy is let go; the row stays, so that the address is not taken for one that never was.
    values = {"ended_at": now(), "is_revoked": is_revoked, "copy_blob": None}
    await connection.execute(across_teams(update(shares)).where(shares.c.id == share.id).values(values))


async def _checked(wish: Wish) -> dict[str, Any]:
    """What is given, as the database keeps it. Raises InvalidInput."""
    given = wish.given
    if given.get("expires_at") is not None and given["expires_at"] <= now():
        raise InvalidInput("expires_at is past: give a time to come, or close the link with DELETE.", field="expires_at")
    if given.get("password") is not None:
        given["password"] = await entry.kept(given["password"])
    return given


async def _as_wanted(share: Share, wish: Wish) -> Share:
    """The link that lives, if it is what is asked for: nothing is changed behind the back of who has it."""
    for field, value in wish.given.items():
        same = value == getattr(share, field)
        if field == "password" and None not in (value, share.password):
            same = await passwords.is_right(value, share.password)
        if not same:
            raise AlreadyExists(f"The picture is shared already, with another {field}; PATCH changes the link.", field=field)
    return share


def _source_type(image: Image) -> str | None:
    """What is known of a picture whose file does not say it; one of a model has a prompt or the model's name."""
    if image.parameters.get("changes_real_picture"):
        return "compositeWithTrainedAlgorithmicMedia"
    return "trainedAlgorithmicMedia" if image.model or image.prompt else None


def _must_be_shown(image: Image) -> None:
    if not image.shown:
        raise WrongState("A picture in the trash, or an upload that is not saved, cannot be shared.")


def _must_be_there(share: Share | None, image_id: str) -> Share:
    if share is None:
        raise NotFound(f"The image {image_id} is not shared.")
    return share


def _told(share: Share) -> dict[str, Any]:
    """For the audit log: nothing that opens anything."""
    return {
        "team_id": share.team_id,
        "share_id": share.id,
        "expires_at": share.expires_at,
        "show_prompt": share.show_prompt,
        "has_password": share.password is not None,
    }
