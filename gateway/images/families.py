"""Where a picture comes from, and what came of it: the original, its edits, their edits."""

from __future__ import annotations

from typing import Any, cast

from msgspec import Struct
from sqlalchemy import Alias, Select, String, literal, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import of_team
from gateway.errors import NotFound
from gateway.images.image import Image, from_row
from gateway.images.tables import images

MOST = 1_000
"""Pictures of one family; and edits of edits that are followed, up and down."""


class Member(Struct, frozen=True, kw_only=True):
    id: str
    parent_id: str | None
    depth: int
    """Edits between the original and this one."""
    image: Image | None
    """None: it was deleted for good, and what was made from it remembers it."""


class Family(Struct, frozen=True, kw_only=True):
    members: tuple[Member, ...]
    """The original first, then by depth and time."""
    is_whole: bool
    """There are no more."""


async def family(connection: AsyncConnection, team_id: str, image_id: str) -> Family:
    """All that the team's image is related to, itself included, in two statements. Raises NotFound."""
    root = await _root(connection, team_id, image_id)
    found = (await connection.execute(_descendants(team_id, root))).fetchall()
    members = [Member(id=row.id, parent_id=row.parent_id, depth=row.depth, image=from_row(row)) for row in found[:MOST]]
    if not members or members[0].id != root:
        members.insert(0, Member(id=root, parent_id=None, depth=0, image=None))
    return Family(members=tuple(members), is_whole=len(found) <= MOST)


async def _root(connection: AsyncConnection, team_id: str, image_id: str) -> str:
    """The original's id, whether or not it is still there."""
    columns = (images.c.id, images.c.parent_id)
    up = (
        of_team(select(*columns, literal(0).label("steps")), team_id, images).where(images.c.id == image_id).cte(recursive=True)
    )
    parents = cast("Alias", images.alias())
    further = select(parents.c.id, parents.c.parent_id, up.c.steps + 1)
    up = up.union_all(of_team(further, team_id, parents).where(parents.c.id == up.c.parent_id, up.c.steps < MOST))
    top = (await connection.execute(select(up).order_by(up.c.steps.desc()).limit(1))).one_or_none()
    if top is None:
        raise NotFound(f"There is no image {image_id}.")
    return str(top.parent_id or top.id)


def _descendants(team_id: str, root: str) -> Select[Any]:
    """Rows of `images` with their `depth`; one more than there may be."""
    down = select(sql_cast(literal(root), String(36)).label("id"), literal(0).label("depth")).cte(recursive=True)
    variants = cast("Alias", images.alias())
    further = of_team(select(variants.c.id, down.c.depth + 1), team_id, variants)
    down = down.union_all(further.where(variants.c.parent_id == down.c.id, down.c.depth < MOST))
    some = select(down.c.id, down.c.depth).limit(MOST + 1).subquery()
    query = of_team(select(images, some.c.depth).join(some, some.c.id == images.c.id), team_id, images)
    return query.order_by(some.c.depth, images.c.id)
