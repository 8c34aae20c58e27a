"""Pictures that people had before, as they are brought over HTTP: what is sent, and what is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from msgspec import Meta, Struct

from gateway.api.bodies import MalformedBody, decode
from gateway.api.forms import read_form
from gateway.errors import InvalidInput
from gateway.images.imports import Brought, Known, Left, Outcome
from gateway.nearest import listed

MOST_FILES = 100
"""In one request; a program that brings thousands sends some at a time."""
Path = Annotated[str, Meta(min_length=1, max_length=4096)]
Tags = Annotated[list[Annotated[str, Meta(max_length=1024)]], Meta(max_length=100)]
Moment = Annotated[datetime, Meta(tz=True, description="an instant such as 2026-05-01T12:00:00Z")]


class ImportedFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a file beside its content."""

    path: Path
    """Below the folder that it comes from; kept as the picture's origin."""
    modified_at: Moment | None = None
    """When the file was last changed: the picture's date, where its own metadata has none."""
    tags: Tags = []
    """Such as the names of the folders that it lies in; what no tag can hold is left out."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry for each part called `file`, in the same order."""

    files: Annotated[list[ImportedFile], Meta(min_length=1, max_length=MOST_FILES)]


class HashedFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that may be here already."""

    path: Path
    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the content in lower-case hex")]
    tags: Tags = []
    """Those that the picture lacks are added."""


class HashedFiles(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    files: Annotated[list[HashedFile], Meta(min_length=1, max_length=MOST_FILES)]


class LeftFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: Path
    """Below the folder."""
    tags: Tags = []


class LeftFiles(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files on the gateway's own machine."""

    folder: Path
    """Its full path; it must lie below one of `folders` in [settings.imports] of models.toml."""
    files: Annotated[list[LeftFile], Meta(max_length=MOST_FILES)] = []
    """None: see only whether the folder can be imported."""


class ImportOutcomes(Struct, frozen=True, kw_only=True):
    """What became of each file, in the order in which they were sent."""

    data: list[Outcome]


async def read_import(request: Request[Any, Any, Any]) -> list[Brought]:
    """The form's files. Raises MalformedForm, InvalidInput naming the field, and RequestEntityTooLarge."""
    form = await read_form(request)
    if others := sorted(set(form) - {"manifest", "file"}):
        raise InvalidInput(f"{others[0]} is not known here; there is {listed(['file', 'manifest'])}.", field=others[0])
    manifests = form.getall("manifest", [])
    if len(manifests) != 1 or not isinstance(manifests[0], str):
        raise InvalidInput("manifest must come once, as JSON without a filename.", field="manifest")
    files = [file for file in form.getall("file", []) if isinstance(file, UploadFile)]
    if len(files) != len(form.getall("file", [])):
        raise InvalidInput("Each file must be one: its part's header needs a `filename`.", field="file")
    manifest = _manifest(manifests[0])
    if len(files) != len(manifest.files):
        message = f"The manifest speaks of {len(manifest.files)} files, and {len(files)} were sent; both are in one order."
        raise InvalidInput(message, field="manifest")
    return [_brought(about, await file.read()) for about, file in zip(manifest.files, files, strict=True)]


def known(body: HashedFiles) -> list[Known]:
    return [Known(path=each.path, hash=each.hash, tags=each.tags) for each in body.files]


def left(body: LeftFiles) -> list[Left]:
    return [Left(path=each.path, tags=each.tags) for each in body.files]


def outcomes(found: Sequence[Outcome]) -> ImportOutcomes:
    return ImportOutcomes(data=list(found))


def _manifest(text: str) -> Manifest:
    try:
        manifest: Manifest = decode(text.encode("utf-8", "replace"), Manifest)
    except MalformedBody as error:
        raise InvalidInput(error.message.replace("The body", "manifest", 1), field="manifest") from error
    except InvalidInput as error:
        raise InvalidInput(error.message, field=f"manifest.{error.field}".rstrip(".")) from error
    return manifest


def _brought(about: ImportedFile, data: bytes) -> Brought:
    moment = None if about.modified_at is None else round(about.modified_at.timestamp() * 1_000_000)
    return Brought(path=about.path, data=data, modified_at=moment, tags=about.tags)


@dataclass
class ImportOperation(Operation):
    """For the handler's `operation_class`: the framework cannot know a body that a dependency has read."""

    def __post_init__(self) -> None:
        said = (
            '{"files": [{"path": "2024/a.png", "modified_at": "2024-05-01T12:00:00Z", "tags": ["2024"]}]}: one entry for each '
            "`file`, in the same order."
        )
        file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        fields = {
            "manifest": Schema(type=OpenAPIType.STRING, description=said),
            "file": Schema(type=OpenAPIType.ARRAY, items=file, min_items=1, max_items=MOST_FILES),
        }
        form = Schema(type=OpenAPIType.OBJECT, properties={**fields}, required=["manifest", "file"])
        self.request_body = RequestBody(required=True, content={"multipart/form-data": OpenAPIMediaType(schema=form)})
