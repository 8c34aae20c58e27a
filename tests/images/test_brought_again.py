"""A conversation is sent whole with each turn: a picture of it is one upload, however often it comes."""

from __future__ import annotations

import base64
import io
from typing import Any

import msgspec
import pytest
from PIL import Image
from sqlalchemy import event, func, insert, select, update

from gateway.accounts import Principal
from gateway.accounts.tables import teams, users
from gateway.catalog import Settings
from gateway.db import Database, across_teams, new_id, now
from gateway.images import incoming as room
from gateway.images import records, uploads
from gateway.images.image import DAY
from gateway.images.image import Image as Kept
from gateway.images.incoming import Incoming
from gateway.images.tables import images
from gateway.jobs.leftovers import sweep_uploads
from gateway.storage import BlobStore
from gateway.storage.reading import UnreadablePicture
from tests.fakes.web import Web, ok


def picture(color: str = "red", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (16, 8), color).save(out, "PNG")
    return out.getvalue()


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def rows(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(across_teams(select(func.count()).select_from(images)))).scalar_one())


async def change(database: Database, image: Kept, **values: Any) -> None:
    async with database.write() as connection:
        await connection.execute(across_teams(update(images)).where(images.c.id == image.id).values(values))


async def test_equal_bytes_are_one_upload_by_whatever_way_they_come(
    incoming: Incoming, principal: Principal, database: Database, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture()
    await web.serve(ok(data))
    first = await incoming.from_data_uri(principal, data_url(data), "image")

    def read_again(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was read already")

    monkeypatch.setattr(room, "keep", read_again)
    others = [
        await incoming.from_data_uri(principal, data_url(data), "image"),
        await incoming.from_base64(principal, "", base64.urlsafe_b64encode(data).decode().rstrip("="), "image"),
        await incoming.from_url(principal, "http://pictures.example/a.png", "image"),
        await incoming.take(principal, data, field="image"),
    ]
    assert {each.id for each in others} == {first.id}
    assert await rows(database) == 1


async def test_a_mask_is_the_same_mask(incoming: Incoming, principal: Principal, database: Database) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (16, 8), (9, 9, 9, 0)).save(out, "PNG")
    masks = [await incoming.from_alpha(principal, out.getvalue(), "mask") for _ in range(2)]
    assert masks[0].id == masks[1].id
    assert await rows(database) == 1


async def test_what_was_uploaded_by_itself_is_its_own(incoming: Incoming, principal: Principal) -> None:
    """Its id was handed out, and it has a name."""
    data = picture()
    named = [await incoming.keep(principal, data, field="file", title="a.png") for _ in range(2)]
    said = await incoming.keep(principal, data, field="file", parameters={"metadata": {"a": 1}})
    brought = await incoming.take(principal, data, field="image")
    assert len({each.id for each in (*named, said, brought)}) == 4


async def test_others_have_their_own(incoming: Incoming, principal: Principal, database: Database) -> None:
    team, user = new_id(), new_id()
    async with database.write() as connection:
        await connection.execute(insert(teams), [{"id": team, "name": "other", "created_at": now()}])
        about = {"name": "u", "email": None, "is_admin": False, "created_at": now()}
        await connection.execute(insert(users), [{"id": user, **about}])
    data = picture()
    asking = (principal, msgspec.structs.replace(principal, team_id=team), msgspec.structs.replace(principal, user_id=user))
    for _ in range(2):
        brought = [await incoming.take(each, data, field="image") for each in asking]
        assert [(each.team_id, each.user_id) for each in brought] == [(each.team_id, each.user_id) for each in asking]
    assert await rows(database) == 3


@pytest.mark.parametrize(
    "values",
    [
        {"unsaved_at": None},
        {"title": "Mine"},
        {"tags": ["mine"]},
        {"deleted_at": 1},
        {"lost_at": 1},
        {"source": "generate"},
    ],
    ids=lambda values: next(iter(values)),
)
async def test_what_became_something_else_is_not_used_for_it(
    values: dict[str, Any], incoming: Incoming, principal: Principal, database: Database
) -> None:
    first = await incoming.take(principal, picture(), field="image")
    await change(database, first, **values)
    assert (await incoming.take(principal, picture(), field="image")).id != first.id


async def test_each_use_keeps_it_for_its_days(incoming: Incoming, principal: Principal, database: Database) -> None:
    first, other = [await incoming.take(principal, picture(color), field="image") for color in ("red", "blue")]
    for each in (first, other):
        await change(database, each, unsaved_at=now() - 8 * DAY)
    assert (await incoming.take(principal, picture(), field="image")).id == first.id
    assert await sweep_uploads(database, 7) == 1
    async with database.read() as connection:
        assert (await records.get(connection, principal.team_id, first.id)).unsaved_at > now() - DAY  # type: ignore[operator]


async def test_one_that_the_sweep_takes_meanwhile_is_kept_anew(
    incoming: Incoming, principal: Principal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await incoming.take(principal, picture(), field="image")
    await change(database, first, unsaved_at=now() - 8 * DAY)
    right = uploads.use

    async def swept_before(db: Database, image: Kept) -> bool:
        assert await sweep_uploads(db, 7) == 1
        return await right(db, image)

    monkeypatch.setattr(uploads, "use", swept_before)
    again = await incoming.take(principal, picture(), field="image")
    assert again.id != first.id
    assert await rows(database) == 1


async def test_bytes_that_went_are_there_again(incoming: Incoming, principal: Principal, blobs: BlobStore) -> None:
    first = await incoming.take(principal, picture(), field="image")
    await blobs.delete(first.blob)
    assert (await incoming.take(principal, picture(), field="image")).id == first.id
    assert await blobs.get(first.blob) == picture()


async def test_one_that_is_too_large_by_now_is_refused(incoming: Incoming, principal: Principal, limits: Settings) -> None:
    await incoming.take(principal, picture(), field="image")
    smaller = msgspec.structs.replace(limits, uploads=msgspec.structs.replace(limits.uploads, max_pixels=100))
    incoming._settings = lambda: smaller
    with pytest.raises(UnreadablePicture, match="at most 100 are read"):
        await incoming.take(principal, picture(), field="image")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_it_is_found_without_a_look_at_others(incoming: Incoming, principal: Principal, database: Database) -> None:
    """Nor is the time that it takes another team's affair."""
    asked: list[tuple[str, Any]] = []
    async with database.read() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        assert await uploads.same(connection, principal.team_id, principal.user_id, "0" * 64) is None
        ((told, given),) = asked[:]
        plan = [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", given)]
    assert len(plan) == 1
    assert "ix_images_unsaved_blob (team_id=? AND user_id=? AND blob=?)" in plan[0]
