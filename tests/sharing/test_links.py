"""Links in the database: one for an image, nothing in clear, and what they show is kept as long as they live."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.accounts.tables import teams
from gateway.db import Database, across_teams, metadata, now
from gateway.errors import LinkExpired, NotFound, StorageUnavailable, WrongState
from gateway.images.closed import Closed
from gateway.images.image import Image
from gateway.images.labels import label
from gateway.images.publishing import Copy, copy_of
from gateway.images.trash import Trash
from gateway.jobs.leftovers import sweep_blobs
from gateway.sharing import Sharing, Wish, links
from gateway.sharing.links import of_images
from gateway.sharing.tables import share_views, shares
from gateway.sharing.views import DAY
from gateway.storage import BlobStore
from gateway.storage.tables import DELETING, blobs

Keep = Callable[..., Awaitable[Image]]
YEAR = 365 * DAY


async def everything(database: Database) -> str:
    """All that the database holds."""
    async with database.read() as connection:
        tables = [across_teams(select(table)) for table in metadata.sorted_tables]
        return "\n".join([repr(row) for query in tables for row in await connection.execute(query)])


async def test_the_database_alone_opens_nothing(database: Database, sharing: Sharing, principal: Principal, keep: Keep) -> None:
    share, made = await sharing.create(principal, (await keep()).id, Wish(password="a good password"))
    token = sharing.token(share)
    assert made
    assert sharing.url(share) == f"https://pictures.example/darkroom/s/{token}"
    held = await everything(database)
    assert token not in held
    assert "a good password" not in held
    assert (await sharing.live.by_token(token)).share.id == share.id


async def test_many_at_once_make_one_link(sharing: Sharing, principal: Principal, keep: Keep) -> None:
    image = await keep()
    made = await asyncio.gather(*(sharing.create(principal, image.id, Wish()) for _ in range(8)))
    assert len({share.id for share, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1


async def test_a_copy_that_is_being_deleted_makes_no_link(
    database: Database, sharing: Sharing, principal: Principal, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(*given: Any) -> Copy:
        copy = await copy_of(*given)
        async with database.write() as connection:
            await connection.execute(update(blobs).where(blobs.c.hash == copy.blob).values(state=DELETING))
        return copy

    image = await keep()
    monkeypatch.setattr(links, "copy_of", late)
    with pytest.raises(StorageUnavailable, match="swept"):
        await sharing.create(principal, image.id, Wish())
    with pytest.raises(NotFound):
        await sharing.get(principal, image.id)


async def test_what_is_revoked_while_it_is_looked_up_is_not_remembered(
    database: Database, sharing: Sharing, principal: Principal, keep: Keep
) -> None:
    class Slow:
        """A database that answers, and whose answer is old when it comes."""

        @asynccontextmanager
        async def read(self) -> AsyncIterator[AsyncConnection]:
            async with database.read() as connection:
                yield connection
            sharing.live._db = database
            await sharing.revoke(principal, image.id)

    image = await keep()
    share, _ = await sharing.create(principal, image.id, Wish())
    sharing.live._db = Slow()  # type: ignore[assignment]
    await sharing.live.by_token(sharing.token(share))
    with pytest.raises(NotFound):
        await sharing.live.by_token(sharing.token(share))


async def test_links_of_a_page_are_one_statement(
    database: Database, sharing: Sharing, principal: Principal, keep: Keep
) -> None:
    images = [await keep(seed) for seed in range(3)]
    made = [(await sharing.create(principal, image.id, Wish()))[0] for image in images[:2]]
    await sharing.revoke(principal, images[1].id)
    async with database.read() as connection:
        found = await of_images(connection, principal.team_id, [image.id for image in images])
        assert found == {images[0].id: made[0]}
        assert await of_images(connection, "another team", [images[0].id]) == {}
        assert await of_images(connection, principal.team_id, []) == {}


async def test_the_copy_is_kept_as_long_as_the_link_lives(
    database: Database, blobs: BlobStore, sharing: Sharing, principal: Principal, keep: Keep
) -> None:
    image = await keep()
    share, _ = await sharing.create(principal, image.id, Wish())
    assert share.copy_blob not in (None, image.blob)
    await sweep_blobs(database, blobs, untouched=-1)
    original, copy = await blobs.get(image.blob), await blobs.get(str(share.copy_blob))
    assert b"a secret prompt" in original
    assert b"a secret prompt" not in copy
    before, after = (np.asarray(Picture.open(io.BytesIO(data))) for data in (original, copy))
    assert np.array_equal(before, after)
    await sharing.revoke(principal, image.id)
    await sweep_blobs(database, blobs, untouched=-1)
    with pytest.raises(NotFound):
        await blobs.get(str(share.copy_blob))
    assert await blobs.get(image.blob) == original


async def test_a_copy_is_made_once(database: Database, blobs: BlobStore, principal: Principal, keep: Keep) -> None:
    image = await keep()
    assert (await copy_of(database, blobs, image)).blob == (await copy_of(database, blobs, image)).blob


async def test_a_purged_picture_takes_its_links_along(
    database: Database, sharing: Sharing, closed: Closed, principal: Principal, keep: Keep
) -> None:
    image, trash = await keep(), Trash(database, closed)
    share, _ = await sharing.create(principal, image.id, Wish())
    token = sharing.token(share)
    sharing.views.saw(share.id)
    await sharing.views.flush()
    await sharing.live.by_token(token)
    await trash.discard(principal.team_id, [image.id])
    with pytest.raises(NotFound):
        await sharing.live.by_token(token)
    with pytest.raises(WrongState):
        await sharing.create(principal, image.id, Wish())
    await trash.purge_one(principal.team_id, image.id)
    sharing.views.saw(share.id)
    await sharing.views.flush()
    async with database.read() as connection:
        assert not (await connection.execute(across_teams(select(shares)))).all()
        assert not (await connection.execute(select(share_views))).all()


async def test_an_end_that_comes_by_itself(
    sharing: Sharing, principal: Principal, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.sharing import live

    image = await keep()
    end = now() + YEAR
    share, _ = await sharing.create(principal, image.id, Wish(expires_at=end))
    token, blob = sharing.token(share), str(share.copy_blob)
    assert (await sharing.live.by_name(share.name, blob)).share == (await sharing.live.by_token(token)).share == share
    monkeypatch.setattr(live, "now", lambda: end)
    for remembered in (True, False):
        if not remembered:
            sharing.live.forget()
        with pytest.raises(LinkExpired):
            await sharing.live.by_token(token)
        with pytest.raises(LinkExpired):
            await sharing.live.by_name(share.name, blob)


async def test_only_what_a_link_shows_is_served_by_it(sharing: Sharing, principal: Principal, keep: Keep) -> None:
    image, other = await keep(1), await keep(2)
    share, _ = await sharing.create(principal, image.id, Wish())
    for blob in (str(share.copy_blob), image.thumbnail_256):
        assert (await sharing.live.by_name(share.name, blob)).image.id == image.id
    for blob in (image.blob, other.blob, "", "None"):
        with pytest.raises(NotFound):
            await sharing.live.by_name(share.name, blob)


async def test_what_is_hidden_without_the_trash_closes_soon(
    database: Database, sharing: Sharing, principal: Principal, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await keep()
    token = sharing.token((await sharing.create(principal, image.id, Wish()))[0])
    assert sharing.live.SECONDS <= 60
    monkeypatch.setattr(sharing.live, "SECONDS", 0.0)
    await sharing.live.by_token(token)
    async with database.write() as connection:
        await label(connection, principal.team_id, image.id, saved=False)
    with pytest.raises(NotFound):
        await sharing.live.by_token(token)


async def close(database: Database, moment: int | None) -> None:
    """The only team there is, past the rule that one is open."""
    async with database.write() as connection:
        await connection.execute(update(teams).values(closed_at=moment))


async def test_links_of_a_closed_team_open_again_with_it(
    database: Database, sharing: Sharing, principal: Principal, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing.live, "SECONDS", 0.0)
    token = sharing.token((await sharing.create(principal, (await keep()).id, Wish()))[0])
    await close(database, now())
    with pytest.raises(NotFound):
        await sharing.live.by_token(token)
    await close(database, None)
    assert (await sharing.live.by_token(token)).share.team_id == principal.team_id


async def test_views_are_kept_by_day(
    database: Database, sharing: Sharing, principal: Principal, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.sharing import views

    image = await keep()
    share, _ = await sharing.create(principal, image.id, Wish())
    today = now() // DAY
    for day, count in ((today, 2), (today + 1, 3)):
        monkeypatch.setattr(views, "now", lambda day=day: day * DAY)
        for _ in range(count):
            sharing.views.saw(share.id)
    sharing.views.saw("nobody's")
    assert sharing.views.unwritten(share.id) == 5
    assert await sharing.views.by_day(share.id) == {today: 2, today + 1: 3}
    await sharing.views.flush()
    assert sharing.views.unwritten(share.id) == 0
    sharing.views.saw(share.id)
    await sharing.views.flush()
    assert await sharing.views.by_day(share.id) == {today: 2, today + 1: 4}
    assert (await sharing.get(principal, image.id)).views == 6


async def test_views_that_could_not_be_written_are_not_lost(
    sharing: Sharing, principal: Principal, keep: Keep, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    share, _ = await sharing.create(principal, (await keep()).id, Wish())
    sharing.views.saw(share.id)

    async def fail(*_: object) -> None:
        from gateway.errors import StorageUnavailable

        raise StorageUnavailable("no database")

    with monkeypatch.context() as patch:
        patch.setattr(sharing.views, "_write", fail)
        await sharing.views.flush()
    assert "not written down yet" in caplog.text
    assert sharing.views.unwritten(share.id) == 1
    await sharing.views.flush()
    assert await sharing.views.by_day(share.id) == {now() // DAY: 1}
