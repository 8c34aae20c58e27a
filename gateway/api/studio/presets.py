"""`/v0/presets`: the team's presets, and the model that it prefers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.api.choice import offer_for
from gateway.api.given import Asker, Db, TheCursors, TheModels, TheScheduler
from gateway.api.studio.asked import RESERVED, Ratio
from gateway.api.studio.errors import responses
from gateway.api.studio.library import Limit, Next, Page
from gateway.api.times import moment
from gateway.presets import preferred, presets
from gateway.presets.filling import LONGEST_PROMPT, check
from gateway.presets.presets import Content, Defaults, Name, Preset, Resolution
from gateway.presets.requirements import Requirement

Template = Annotated[str, Meta(max_length=LONGEST_PROMPT)]
Requirements = Annotated[tuple[Requirement, ...], Meta(max_length=50)]


class PresetDefaults(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Taken where a request says nothing."""

    model_version: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """A model's id or alias."""
    aspect_ratio: Ratio | None = None
    resolution: Resolution | None = None
    sample_count: Annotated[int, Meta(ge=1, le=10)] | None = None


class NewPreset(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`{{key}}` in the template is replaced by the value of that key, and nothing else is."""

    name: Name
    prompt_template: Template
    negative_prompt: Template = ""
    requirements: Requirements = ()
    """What is to be filled in. A key of the template that none describes is a required text."""
    defaults: PresetDefaults = PresetDefaults()


class PresetChange(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is left out stays; what is given takes the place of the whole."""

    name: Name | UnsetType = UNSET
    prompt_template: Template | UnsetType = UNSET
    negative_prompt: Template | UnsetType = UNSET
    requirements: Requirements | UnsetType = UNSET
    defaults: PresetDefaults | UnsetType = UNSET


class StudioPreset(Struct, frozen=True, kw_only=True, rename="camel"):
    """A preset at one of its versions."""

    id: str
    version: int
    name: str
    prompt_template: str
    negative_prompt: str
    requirements: tuple[Requirement, ...]
    defaults: PresetDefaults
    created_at: datetime
    updated_at: datetime
    """When this version was made."""


class PresetAnswer(Struct, frozen=True):
    data: StudioPreset


class PresetPage(Struct, frozen=True, kw_only=True):
    presets: list[StudioPreset]
    total: int
    page: int
    limit: int
    next: str | None


class PresetList(Struct, frozen=True):
    data: PresetPage


class PresetVersions(Struct, frozen=True):
    data: list[StudioPreset]
    """The newest first."""


class DefaultModel(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is taken where neither a request nor its preset names a model."""

    model_version: Annotated[str, Meta(min_length=1, max_length=200)] | None
    """A model's id or alias; null leaves the choice to the gateway."""


class DefaultModelAnswer(Struct, frozen=True):
    data: DefaultModel


@get("/presets", operation_id="list_presets", summary="List presets, the last made first", responses=responses(401, 422))
async def list_presets(
    principal: Asker, db: Db, cursors: TheCursors, page: Page = 1, limit: Limit = 20, cursor: Next = None
) -> PresetList:
    """The team's."""
    scope = (principal.team_id, "presets")
    before = cursors.open(cursor, *scope)
    offset = 0 if before else (page - 1) * limit
    found, total = await presets.newest(db, principal, limit=limit + 1, offset=offset, before=before)
    cut, following = cursors.cut(found, limit, *scope)
    return PresetList(PresetPage(presets=[shown(each) for each in cut], total=total, page=page, limit=limit, next=following))


@post("/presets", operation_id="create_preset", summary="Make a preset", responses=responses(400, 401, 403, 413, 422))
async def create_preset(data: JSONBody[NewPreset], principal: Asker, db: Db) -> PresetAnswer:
    """For owners of the team."""
    principal.require_owner()
    return PresetAnswer(shown(await presets.create(db, principal, _content(data))))


@get("/presets/{preset_id:str}", operation_id="get_preset", summary="Get a preset", responses=responses(401, 404, 422))
async def get_preset(
    preset_id: FromPath[str],
    principal: Asker,
    db: Db,
    version: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="An older one.")] = None,
) -> PresetAnswer:
    """At its newest version, or at that one."""
    return PresetAnswer(shown(await presets.get(db, principal, preset_id, version)))


@get(
    "/presets/{preset_id:str}/versions",
    operation_id="list_preset_versions",
    summary="All versions of a preset",
    responses=responses(401, 404),
)
async def list_versions(preset_id: FromPath[str], principal: Asker, db: Db) -> PresetVersions:
    """The newest first. A job's picture names the version that it was made from."""
    return PresetVersions([shown(each) for each in await presets.versions(db, principal, preset_id)])


@patch(
    "/presets/{preset_id:str}",
    operation_id="change_preset",
    summary="Change a preset",
    responses=responses(400, 401, 403, 404, 413, 422),
)
async def change_preset(preset_id: FromPath[str], data: JSONBody[PresetChange], principal: Asker, db: Db) -> PresetAnswer:
    """A new version; the old ones stay as they are. For owners of the team."""
    before = shown(await presets.get(db, principal, preset_id))
    principal.require_owner()
    given = {name: value for name in data.__struct_fields__ if (value := getattr(data, name)) is not UNSET}
    kept = {name: getattr(before, name) for name in NewPreset.__struct_fields__}
    return PresetAnswer(shown(await presets.change(db, principal, preset_id, _content(NewPreset(**{**kept, **given})))))


@delete(
    "/presets/{preset_id:str}",
    operation_id="delete_preset",
    summary="Take a preset away",
    responses=responses(401, 403, 404),
)
async def delete_preset(preset_id: FromPath[str], principal: Asker, db: Db) -> None:
    """Pictures that were made from it stay, and can still be listed by it. For owners of the team."""
    await presets.get(db, principal, preset_id)
    await presets.delete(db, principal, preset_id)


@get("/default-model", operation_id="get_default_model", summary="The model that the team prefers", responses=responses(401))
async def get_default_model(principal: Asker, db: Db) -> DefaultModelAnswer:
    """Null where the choice is left to the gateway."""
    return DefaultModelAnswer(DefaultModel(model_version=await preferred.get(db, principal)))


@put(
    "/default-model",
    operation_id="put_default_model",
    summary="Set the model that the team prefers",
    responses=responses(400, 401, 403, 413, 422, 503),
)
async def put_default_model(
    data: JSONBody[DefaultModel], principal: Asker, db: Db, models: TheModels, scheduler: TheScheduler
) -> DefaultModelAnswer:
    """For owners of the team."""
    if data.model_version is not None:
        await offer_for(db, models, scheduler, principal, data.model_version, "text_to_image")
    await preferred.put(db, principal, data.model_version)
    return DefaultModelAnswer(data)


def shown(preset: Preset) -> StudioPreset:
    content = preset.content
    return StudioPreset(
        id=preset.id,
        version=preset.version,
        name=content.name,
        prompt_template=content.prompt_template,
        negative_prompt=content.negative_prompt,
        requirements=content.requirements,
        defaults=msgspec.convert(msgspec.to_builtins(content.defaults), PresetDefaults),
        created_at=moment(preset.created_at),
        updated_at=moment(preset.updated_at),
    )


def _content(given: NewPreset) -> Content:
    content = Content(
        name=given.name,
        prompt_template=given.prompt_template,
        negative_prompt=given.negative_prompt,
        requirements=given.requirements,
        defaults=msgspec.convert(msgspec.to_builtins(given.defaults), Defaults),
    )
    check(content, RESERVED)
    return content
