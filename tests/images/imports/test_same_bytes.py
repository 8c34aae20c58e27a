"""A file whose bytes the team has already, in one place or several."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.accounts import Principal
from gateway.db import Database, new_id
from gateway.images import records
from gateway.images.imports import Imports, Known
from tests.images.imports.test_importing import bring, kept, picture


@pytest.mark.parametrize(
    ("before", "status", "joins"),
    [
        ([{"unsaved_at": 1, "source": "upload"}], "added", None),
        ([{"deleted_at": 1}], "trashed", 0),
        ([{"deleted_at": 1}, {}], "joined", 1),
        ([{}, {"deleted_at": 1}], "joined", 0),
        ([{}, {}], "joined", 0),
        ([{"unsaved_at": 1, "source": "upload"}, {}], "joined", 1),
    ],
)
async def test_which_of_several_pictures_of_the_same_bytes_a_file_is(
    imports: Imports, principal: Principal, database: Database, before: list[dict[str, Any]], status: str, joins: int | None
) -> None:
    """What lists show before what lies in the trash, then the oldest; an upload that nobody saved will go by itself."""
    (first,) = await bring(imports, principal, ("a.png", picture()))
    image = await kept(database, principal, first.id)
    several = [msgspec.structs.replace(image, id=new_id(), **values) for values in before]
    async with database.write() as connection:
        await records.purge(connection, [image])
        await records.add_all(connection, several)
    (known,) = await imports.known(principal, [Known(path="b.png", hash=image.blob)])
    (told,) = await bring(imports, principal, ("b.png", picture()))
    assert (known.status, told.status) == ("wanted" if status == "added" else status, status)
    assert joins is None or known.id == told.id == several[joins].id
