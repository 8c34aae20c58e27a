"""The tools, as data: what each is called, what it takes and answers, and who may use it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from gateway.accounts import Permission, Principal
from gateway.api.mcp import asked
from gateway.api.mcp.wire import Catalog, Gallery

_TEMPLATE = "#/$defs/{name}"
_MAKES: Permission = "features.image_generation"
_READS: Permission = "gallery.read"


class Tool(Struct, frozen=True, kw_only=True):
    """One of them; the description is read by language models."""

    name: str
    title: str
    description: str
    takes: type[Struct]
    gives: type[Struct] | None = None
    """Of an answer that is data. Those with pictures have none: some clients pass over the pictures beside it."""
    permission: Permission | None = None
    looks_only: bool = False
    repeatable: bool = False
    """Called again with the same, it changes nothing more."""

    def open_to(self, principal: Principal) -> bool:
        return self.permission is None or principal.has(self.permission)


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            name="generate_image",
            title="Generate pictures",
            description=(
                "Draw one to four new pictures from words. Answers with the pictures and, as JSON, with a url for each that "
                "opens without a key for some days: show it to the user. A job that takes long is answered with its job_id; "
                "then call wait_for_job."
            ),
            takes=asked.GenerateCall,
            permission=_MAKES,
        ),
        Tool(
            name="edit_image",
            title="Edit a picture",
            description=(
                "Draw a new version of a picture, of the whole or only where a mask is white; or a new picture after others. "
                "The original stays as it is. Answers as generate_image does."
            ),
            takes=asked.EditCall,
            permission=_MAKES,
        ),
        Tool(
            name="upscale_image",
            title="Make a picture larger",
            description="Make a picture larger without changing what it shows. Answers as generate_image does.",
            takes=asked.UpscaleCall,
            permission=_MAKES,
        ),
        Tool(
            name="wait_for_job",
            title="Wait for a job",
            description=(
                "Wait until a job that was begun earlier has its pictures, and answer with them; or with how far it is, where "
                "that takes longer still: then call this again."
            ),
            takes=asked.WaitCall,
            looks_only=True,
            repeatable=True,
        ),
        Tool(
            name="cancel_job",
            title="Cancel a job",
            description="Cancel a job that waits or runs; a finished one stays as it is. What is not delivered is not paid.",
            takes=asked.CancelCall,
            permission=_MAKES,
            repeatable=True,
        ),
        Tool(
            name="list_models",
            title="List the models",
            description="The models that can be asked for: what each can do, its sizes and limits, and whether it can run now.",
            takes=asked.ModelsCall,
            gives=Catalog,
            looks_only=True,
            repeatable=True,
        ),
        Tool(
            name="search_images",
            title="Search the gallery",
            description="Find pictures of the team's gallery by words, model, tags or date. get_image shows one of them.",
            takes=asked.SearchCall,
            gives=Gallery,
            permission=_READS,
            looks_only=True,
            repeatable=True,
        ),
        Tool(
            name="get_image",
            title="Look at a picture",
            description="One picture of the gallery to look at, with its url, its prompt and all that it was made with.",
            takes=asked.GetCall,
            permission=_READS,
            looks_only=True,
            repeatable=True,
        ),
    )
}


@cache
def schema(shape: type[Struct]) -> dict[str, Any]:
    """JSON Schema of an object, in the plain form that every client's language model takes: nothing refers elsewhere, and
    what may be left out is not also said to be null."""
    _, parts = msgspec.json.schema_components([shape], ref_template=_TEMPLATE)
    whole: dict[str, Any] = _plain(parts[shape.__name__], parts)
    wanted = whole.get("required", [])
    properties = whole.get("properties", {})
    whole["properties"] = {name: properties[name] for name in (*wanted, *(each for each in properties if each not in wanted))}
    return {"additionalProperties": False, **whole} if shape.__struct_config__.forbid_unknown_fields else whole


def _plain(part: Any, parts: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_plain(each, parts) for each in part]
    if not isinstance(part, dict):
        return part
    if named := part.get("$ref"):
        return _plain(parts[named.rpartition("/")[2]], parts)
    plain = {name: _plain(each, parts) for name, each in part.items() if name != "title" or not isinstance(each, str)}
    match plain.get("anyOf"):
        case [{**only}, {"type": "null"}] if "default" in plain and plain["default"] is None:
            plain = {**only, **{name: each for name, each in plain.items() if name not in ("anyOf", "default")}}
    if "enum" in plain and all(isinstance(each, str) for each in plain["enum"]):
        plain = {"type": "string", **plain}
    return plain
