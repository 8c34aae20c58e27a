"""A team's presets: made, changed (each change is a new version), read, taken away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal, audit
from gateway.db import Database, new_id, now, of_team
from gateway.errors import NotFound
from gateway.presets.requirements import Requirement
from gateway.presets.tables import preset_versions, presets

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Resolution = Literal["low", "standard", "high", "4k"]


class Defaults(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Taken where a request says nothing."""

    model_version: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """A model's id or alias."""
    aspect_ratio: Annotated[str, Meta(max_length=10)] | None = None
    resolution: Resolution | None = None
    sample_count: Annotated[int, Meta(ge=1, le=10)] | None = None


class Content(Struct, frozen=True, kw_only=True):
    """What a version of a preset says; a version never changes."""

    name: str
    prompt_template: str
    negative_prompt: str = ""
    requirements: tuple[Requirement, ...] = ()
    defaults: Defaults = Defaults()


class Preset(Struct, frozen=True, kw_only=True):
    """A preset at one of its versions; times are microseconds since the epoch."""

    id: str
    team_id: str
    version: int
    content: Content
    created_at: int
    """When the preset was made."""
    updated_at: int
    """When this version was."""


class Used(Struct, frozen=True, kw_only=True):
    """Which preset a job was made from, and how it was filled in: what keeps the rendered prompt explainable."""

    id: str
    version: int
    name: str
    variables: dict[str, Any] = {}
    """As they were given."""


_decode = msgspec.json.Decoder(Content).decode


async def create(db: Database, principal: Principal, content: Content) -> Preset:
    """Raises Forbidden, and InvalidInput for requirements that cannot be."""
    principal.require_owner()
    made = Preset(
        id=new_id(), team_id=principal.team_id, version=1, content=content, created_at=(moment := now()), updated_at=moment
    )
    async with db.write() as connection:
        row = {
            "id": made.id,
            "team_id": made.team_id,
            "name": content.name,
            "version": made.version,
            "content": msgspec.json.encode(content),
            "created_at": moment,
            "updated_at": moment,
        }
        await connection.execute(insert(presets), [row])
        await _keep_version(connection, principal, made, "preset.create")
    return made


async def get(db: Database, principal: Principal, preset_id: str, version: int | None = None) -> Preset:
    """The team's preset, at its newest version or at that one. Raises NotFound."""
    async with db.read() as connection:
        row = (await connection.execute(_live(principal).where(presets.c.id == preset_id))).one_or_none()
        if row is None:
            raise NotFound(f"There is no preset {preset_id}.")
        if version in (None, row.version):
            return _from_row(row)
        query = of_team(select(preset_versions), principal.team_id, preset_versions)
        query = query.where(preset_versions.c.preset_id == preset_id, preset_versions.c.version == version)
        old = (await connection.execute(query)).one_or_none()
    if old is None:
        raise NotFound(f"The preset has no version {version}; the newest is {row.version}.")
    return _at(row, old)


async def change(db: Database, principal: Principal, preset_id: str, content: Content) -> Preset:
    """A new version. Raises NotFound, Forbidden, and InvalidInput for requirements that cannot be."""
    principal.require_owner()
    async with db.write() as connection:
        query = of_team(update(presets), principal.team_id, presets).where(
            presets.c.id == preset_id, presets.c.deleted_at.is_(None)
        )
        values = {"name": content.name, "content": msgspec.json.encode(content), "updated_at": now()}
        changed = query.values(version=presets.c.version + 1, **values).returning(presets)
        row = (await connection.execute(changed)).one_or_none()
        if row is None:
            raise NotFound(f"There is no preset {preset_id}.")
        made = _from_row(row)
        await _keep_version(connection, principal, made, "preset.update")
    return made


async def delete(db: Database, principal: Principal, preset_id: str) -> None:
    """Nobody can use it any more; pictures that were made from it still name it. Raises NotFound, Forbidden."""
    principal.require_owner()
    async with db.write() as connection:
        query = of_team(update(presets), principal.team_id, presets).where(
            presets.c.id == preset_id, presets.c.deleted_at.is_(None)
        )
        if (await connection.execute(query.values(deleted_at=now()))).rowcount == 0:
            raise NotFound(f"There is no preset {preset_id}.")
        await audit.record(connection, principal, "preset.delete", preset_id, {"team_id": principal.team_id})


async def newest(
    db: Database, principal: Principal, *, limit: int, offset: int = 0, before: str | None = None
) -> tuple[list[Preset], int]:
    """The team's presets, the last made first, those before the id `before`; and how many there are in all."""
    query = _live(principal).order_by(presets.c.id.desc()).limit(limit).offset(offset)
    if before is not None:
        query = query.where(presets.c.id < before)
    count = of_team(select(func.count()).select_from(presets), principal.team_id, presets).where(presets.c.deleted_at.is_(None))
    async with db.read() as connection:
        found = [_from_row(row) for row in await connection.execute(query)]
        return found, (await connection.execute(count)).scalar_one()


async def versions(db: Database, principal: Principal, preset_id: str) -> list[Preset]:
    """All versions, the newest first. Raises NotFound."""
    async with db.read() as connection:
        row = (await connection.execute(_live(principal).where(presets.c.id == preset_id))).one_or_none()
        if row is None:
            raise NotFound(f"There is no preset {preset_id}.")
        query = of_team(select(preset_versions), principal.team_id, preset_versions)
        query = query.where(preset_versions.c.preset_id == preset_id).order_by(preset_versions.c.version.desc())
        return [_at(row, old) for old in await connection.execute(query)]


async def is_known(connection: AsyncConnection, team_id: str, preset_id: str) -> bool:
    """Whether the team has or had it."""
    query = of_team(select(presets.c.id), team_id, presets).where(presets.c.id == preset_id)
    return (await connection.execute(query)).first() is not None


def _live(principal: Principal) -> Any:
    return of_team(select(presets), principal.team_id, presets).where(presets.c.deleted_at.is_(None))


async def _keep_version(connection: AsyncConnection, principal: Principal, made: Preset, action: str) -> None:
    row = {
        "preset_id": made.id,
        "version": made.version,
        "team_id": made.team_id,
        "user_id": principal.user_id,
        "content": msgspec.json.encode(made.content),
        "created_at": made.updated_at,
    }
    await connection.execute(insert(preset_versions), [row])
    details = {"team_id": made.team_id, "name": made.content.name, "version": made.version}
    await audit.record(connection, principal, action, made.id, details)


def _from_row(row: Row[Any]) -> Preset:
    return Preset(
        id=row.id,
        team_id=row.team_id,
        version=row.version,
        content=_decode(row.content),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _at(row: Row[Any], old: Row[Any]) -> Preset:
    newest = _from_row(row)
    return msgspec.structs.replace(newest, version=old.version, content=_decode(old.content), updated_at=old.created_at)
