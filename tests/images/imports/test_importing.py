"""Files from elsewhere into the gallery: what becomes of each, and what is kept of it."""

from __future__ import annotations

import asyncio
import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import false, insert, select, update

from gateway.accounts import Principal
from gateway.accounts.tables import teams
from gateway.db import Database, across_teams, moment_of, new_id, now
from gateway.errors import Forbidden, InvalidInput
from gateway.images import counters, library, records, search
from gateway.images.image import Facet, Image
from gateway.images.imports import Brought, Imports, Known, Left, Outcome
from gateway.images.tables import images
from gateway.images.tokens import terms
from gateway.images.wanted import Wanted
from gateway.storage import BlobStore, inplace, ledger
from gateway.storage.blobs import content_hash
from gateway.storage.inplace import Lying
from gateway.storage.tables import blobs as blob_rows

FIELDS = "Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 77, Size: 64x64, Model: sdxl, Version: v1.9.4"
SAID = f"a fox\nNegative prompt: blurry\n{FIELDS}"
DAY = int(datetime(2024, 5, 1, tzinfo=UTC).timestamp()) * 1_000_000


def picture(red: int = 0, *, size: tuple[int, int] = (32, 16), form: str = "PNG", **texts: str) -> bytes:
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    out = io.BytesIO()
    Pillow.new("RGB", size, (red, 60, 90)).save(out, form, **({"pnginfo": info} if form == "PNG" else {}))
    return out.getvalue()


async def bring(imports: Imports, principal: Principal, *files: tuple[str, bytes], **more: Any) -> list[Outcome]:
    return await imports.bring(principal, [Brought(path=path, data=data, **more) for path, data in files])


async def kept(db: Database, principal: Principal, image_id: str | None) -> Image:
    assert image_id
    async with db.read() as connection:
        return await records.get(connection, principal.team_id, image_id)


async def count(db: Database, principal: Principal, kind: Any = "shown", key: str = "") -> int:
    async with db.read() as connection:
        return (await counters.total(connection, principal.team_id, Facet(kind, key)))[Facet(kind, key)]


async def elsewhere(db: Database, principal: Principal) -> Principal:
    """The same person, in another team."""
    team = new_id()
    async with db.write() as connection:
        await connection.execute(insert(teams), [{"id": team, "name": "others", "created_at": now()}])
    return msgspec.structs.replace(principal, team_id=team)


async def test_a_picture_comes_with_all_that_its_file_tells(
    imports: Imports, principal: Principal, database: Database, store: BlobStore
) -> None:
    data = picture(parameters=SAID, strange="kept as it is")
    (said,) = await bring(
        imports, principal, ("txt2img/2024/0001.png", data), modified_at=DAY, tags=["txt2img", "2024", "Txt2Img"]
    )
    image = await kept(database, principal, said.id)
    assert (said.status, said.path) == ("added", "txt2img/2024/0001.png")
    assert await store.get(image.blob) == data
    assert (image.source, image.origin, image.engine, image.model) == ("import", "txt2img/2024/0001.png", "A1111", "sdxl")
    assert (image.prompt, image.negative_prompt, image.seed, image.title) == ("a fox", "blurry", 77, "")
    assert {"steps": 20, "guidance_scale": 7.5, "software": "A1111 v1.9.4", "made": {"width": 64, "height": 64}}.items() <= (
        image.parameters.items()
    )
    assert image.tags == ["txt2img", "2024"]
    assert image.created_at == DAY
    assert moment_of(image.id) == DAY
    assert (image.width, image.height, image.media_type, image.bytes) == (32, 16, "image/png", len(data))
    assert [await count(database, principal, *each) for each in (("shown",), ("tag", "2024"), ("model", "sdxl"))] == [1, 1, 1]


@pytest.mark.parametrize(("dated", "expected"), [(-5, 0), (DAY, DAY), (2**62, None), (None, None)])
async def test_no_date_is_before_time_or_after_now(
    dated: int | None, expected: int | None, imports: Imports, principal: Principal, database: Database
) -> None:
    before = now()
    (said,) = await bring(imports, principal, ("a.png", picture()), modified_at=dated)
    created = (await kept(database, principal, said.id)).created_at
    assert created == expected if expected is not None else before <= created <= now()


async def test_a_file_that_tells_nothing_has_its_name_for_a_title(
    imports: Imports, principal: Principal, database: Database
) -> None:
    (said,) = await bring(imports, principal, ("holiday/Sunset over\tsea.jpeg", picture(form="JPEG")))
    image = await kept(database, principal, said.id)
    assert (image.title, image.prompt, image.engine, image.parameters) == ("Sunset over sea", "", "", {})
    async with database.read() as connection:
        found = await library.page(connection, principal.team_id, Wanted(terms=tuple(terms("sunset"))), limit=20)
        assert [each.id for each in found.images] == [image.id]


async def test_pictures_of_one_moment_are_all_found(
    imports: Imports, principal: Principal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "number_of", lambda _id: 7)
    for start in (0, 5, 10):
        await bring(
            imports, principal, *((f"sunset {red}.png", picture(red)) for red in range(start, start + 8)), modified_at=DAY
        )
    async with database.read() as connection:
        found = await library.page(connection, principal.team_id, Wanted(terms=tuple(terms("sunset"))), limit=20)
        assert len(found.images) == await count(database, principal) == 18


async def test_the_same_bytes_are_one_picture_with_all_their_tags(
    imports: Imports, principal: Principal, database: Database
) -> None:
    data = picture()
    first, second, third = await bring(
        imports, principal, ("a.png", data), ("b.png", picture(9)), ("c.png", data), tags=["one"]
    )
    assert [first.status, second.status, third.status] == ["added", "added", "joined"]
    assert first.id == third.id != second.id
    (again,) = await bring(imports, principal, ("d/a.png", data), tags=["ONE", "two"])
    assert (again.status, again.id) == ("joined", first.id)
    assert (await kept(database, principal, first.id)).tags == ["one", "two"]
    assert [await count(database, principal, "tag", tag) for tag in ("one", "two")] == [2, 1]
    assert await count(database, principal) == 2


async def test_what_is_known_is_not_asked_for(imports: Imports, principal: Principal, database: Database) -> None:
    data = picture()
    (added,) = await bring(imports, principal, ("a.png", data))
    files = [Known(path="a.png", hash=content_hash(data), tags=["late"]), Known(path="b.png", hash="0" * 64)]
    here, lacking = await imports.known(principal, files)
    assert (here.status, here.id, lacking.status, lacking.id) == ("joined", added.id, "wanted", None)
    assert (await kept(database, principal, added.id)).tags == ["late"]


async def test_what_lies_in_the_trash_stays_there(imports: Imports, principal: Principal, database: Database) -> None:
    data = picture()
    (added,) = await bring(imports, principal, ("a.png", data))
    async with database.write() as connection:
        await records.alter(connection, [await records.get(connection, principal.team_id, str(added.id))], deleted_at=now())
    (again,) = await bring(imports, principal, ("a.png", data), tags=["new"])
    (known,) = await imports.known(principal, [Known(path="a.png", hash=content_hash(data), tags=["new"])])
    assert [(each.status, each.id) for each in (again, known)] == [("trashed", added.id)] * 2
    image = await kept(database, principal, added.id)
    assert (image.tags, image.deleted_at is None) == ([], False)


async def test_another_team_has_a_picture_of_its_own_over_the_same_bytes(
    imports: Imports, principal: Principal, database: Database
) -> None:
    data = picture()
    others = await elsewhere(database, principal)
    (ours,) = await bring(imports, principal, ("a.png", data))
    (known,) = await imports.known(others, [Known(path="a.png", hash=content_hash(data))])
    (theirs,) = await bring(imports, others, ("a.png", data))
    assert (known.status, theirs.status) == ("wanted", "added")
    assert ours.id != theirs.id
    assert (await kept(database, others, theirs.id)).blob == (await kept(database, principal, ours.id)).blob


BROKEN = {
    "empty": b"",
    "text": b"hello",
    "half": picture(size=(64, 64))[:-40],
    "large": picture(size=(200, 200)),
    "avif": b"\0\0\0\x1cftypavif",
}


async def test_broken_files_are_refused_and_the_others_are_not(
    imports: Imports, principal: Principal, database: Database
) -> None:
    files = [*BROKEN.items(), ("good", picture()), ("text again", b"hello")]
    said = {each.path: each for each in await bring(imports, principal, *files)}
    assert {path for path, each in said.items() if each.status == "refused" and each.reason} == {*BROKEN, "text again"}
    assert said["good"].status == "added"
    assert "10000" in said["large"].reason
    assert await count(database, principal) == 1


async def test_a_folder_of_nothing_but_broken_files_changes_nothing(
    imports: Imports, principal: Principal, database: Database
) -> None:
    await bring(imports, principal, *BROKEN.items(), tags=["x"])
    async with database.read() as connection:
        assert (await connection.execute(select(blob_rows))).all() == []
        assert (await connection.execute(across_teams(select(images)))).all() == []
    assert await count(database, principal, "tag", "x") == 0


async def test_two_at_once_make_one_picture(imports: Imports, principal: Principal, database: Database) -> None:
    data = picture()
    results = await asyncio.gather(*(bring(imports, principal, (f"{n}.png", data), tags=[f"t{n}"]) for n in range(4)))
    assert sorted(each.status for (each,) in results) == ["added", "joined", "joined", "joined"]
    assert len({each.id for (each,) in results}) == 1
    assert sorted((await kept(database, principal, results[0][0].id)).tags) == ["t0", "t1", "t2", "t3"]


async def test_what_no_tag_can_hold_is_left_out(imports: Imports, principal: Principal, database: Database) -> None:
    given = ["", "  ", "a\0b\n", "\u2028", "x" * 500, *(f"n{number}" for number in range(100))]
    (said,) = await bring(imports, principal, ("a.png", picture()), tags=given)
    tags = (await kept(database, principal, said.id)).tags
    assert tags[:3] == ["a b", "x" * 64, "n0"]
    assert len(tags) == 50


# ------------------------------------------------------------------------------------------------------- in place


async def leave(imports: Imports, principal: Principal, folder: Path, *paths: str, **more: Any) -> list[Outcome]:
    return await imports.leave(principal, str(folder), [Left(path=path, **more) for path in paths])


async def test_a_file_stays_where_it_lies(
    imports: Imports, principal: Principal, database: Database, store: BlobStore, folder: Path
) -> None:
    (folder / "deep").mkdir()
    file = folder / "deep" / "a.png"
    file.write_bytes(data := picture(parameters=SAID))
    os.utime(file, ns=(DAY * 1000, DAY * 1000))
    (said,) = await leave(imports, principal, folder, "deep/a.png", tags=["deep"])
    image = await kept(database, principal, said.id)
    assert (said.status, image.prompt, image.tags, image.created_at, image.bytes) == (
        "added",
        "a fox",
        ["deep"],
        DAY,
        len(data),
    )
    path = store.path(image.blob)
    assert path
    assert not path.exists()
    assert await store.get(image.blob) == data
    assert await store.get_range(image.blob, 3, 9) == data[3:9]
    assert await store.size(image.blob) == len(data)
    assert await store.get(image.thumbnail_256)


async def test_files_that_did_not_change_are_not_read_again(
    imports: Imports, principal: Principal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (folder / f"{number}.png").write_bytes(picture(number))
    paths = [f"{number}.png" for number in range(3)]
    assert [each.status for each in await leave(imports, principal, folder, *paths)] == ["added"] * 3
    read: list[str] = []

    def note(lying: Lying, *_more: int) -> bytes:
        read.append(lying.path)
        return b""

    monkeypatch.setattr(inplace, "read", note)
    assert [each.status for each in await leave(imports, principal, folder, *paths)] == ["joined"] * 3
    assert read == []


async def test_a_touched_file_is_found_again_by_importing_it_again(
    imports: Imports, principal: Principal, store: BlobStore, folder: Path
) -> None:
    file = folder / "a.png"
    file.write_bytes(data := picture())
    await leave(imports, principal, folder, "a.png")
    os.utime(file, (1, 1))
    with pytest.raises(inplace.FileChanged):
        await store.get(content_hash(data))
    assert [each.status for each in await leave(imports, principal, folder, "a.png")] == ["joined"]
    assert await store.get(content_hash(data)) == data


async def test_bytes_that_are_here_already_are_read_from_the_store(
    imports: Imports, principal: Principal, store: BlobStore, folder: Path
) -> None:
    (folder / "a.png").write_bytes(data := picture())
    await bring(imports, principal, ("x.png", data))
    assert [each.status for each in await leave(imports, principal, folder, "a.png")] == ["joined"]
    (folder / "a.png").unlink()
    assert await store.get(content_hash(data)) == data


async def test_the_sweep_never_touches_the_file(
    imports: Imports, principal: Principal, database: Database, store: BlobStore, folder: Path
) -> None:
    (folder / "a.png").write_bytes(data := picture())
    await leave(imports, principal, folder, "a.png")
    await bring(imports, await elsewhere(database, principal), ("a.png", data))
    async with database.write() as connection:
        every = [records.from_row(row) for row in await connection.execute(across_teams(select(images)))]
        await records.purge(connection, every)
        await connection.execute(update(blob_rows).values(touched_at=0))
    assert await ledger.sweep(database, store, false()) == 2
    assert (folder / "a.png").read_bytes() == data
    path = store.path(content_hash(data))
    assert path
    assert not path.exists()


UNFIT = [
    "gone.png",
    "../outside.png",
    "/etc/passwd",
    "link.png",
    "dir",
    "pipe",
    "huge.png",
    "text.png",
    "a\0b",
    "../theirs2/a.png",
]


async def test_what_lies_elsewhere_or_is_no_picture_is_refused(
    imports: Imports, principal: Principal, folder: Path, database: Database
) -> None:
    (folder.parent / "outside.png").write_bytes(picture())
    (folder.parent / "theirs2").mkdir()
    (folder.parent / "theirs2" / "a.png").write_bytes(picture())
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    (folder / "dir").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100_000))
    (folder / "text.png").write_bytes(b"hello")
    (folder / "good.png").write_bytes(picture())
    (folder / "inside.png").symlink_to(folder / "good.png")
    said = await leave(imports, principal, folder, *UNFIT, "good.png", "inside.png")
    assert [each.status for each in said] == ["refused"] * len(UNFIT) + ["added", "joined"]
    assert all(each.reason for each in said[: len(UNFIT)])
    assert await count(database, principal) == 1


async def test_only_listed_folders_and_only_administrators(imports: Imports, principal: Principal, folder: Path) -> None:
    with pytest.raises(Forbidden, match=r"settings\.imports"):
        await leave(imports, principal, folder.parent)
    (folder.parent / "theirs2").mkdir()
    with pytest.raises(Forbidden):
        await leave(imports, principal, folder.parent / "theirs2")
    (folder / "away").symlink_to(folder.parent / "theirs2")
    with pytest.raises(Forbidden):
        await leave(imports, principal, folder / "away")
    for wrong in (Path("theirs"), folder / "none"):
        with pytest.raises(InvalidInput):
            await leave(imports, principal, wrong)
    member = msgspec.structs.replace(principal, is_admin=False, permissions=frozenset({"gallery.write"}))
    with pytest.raises(Forbidden, match="admin"):
        await leave(imports, member, folder)
