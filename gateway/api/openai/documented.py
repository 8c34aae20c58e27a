"""What the framework cannot know of the OpenAPI document: streams beside whole answers, and an edit's form, for the handler
is given what was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from gateway.api.openai.asked import OpenAIEdit
from gateway.api.openai.bodies import MOST_IMAGES

_NAMED = "#/components/schemas/{name}"
_FILE = {"type": "string", "format": "binary"}
_FORM = "OpenAIEditForm"


def _schemas() -> dict[str, dict[str, Any]]:
    """The form's fields as text, `loras` as JSON, and its files beside them."""
    named = msgspec.json.schema_components([OpenAIEdit], ref_template=_NAMED)[1]
    form = dict(named.pop(OpenAIEdit.__name__))
    files = {"image": _FILE, "image[]": {"type": "array", "items": _FILE, "maxItems": MOST_IMAGES}, "mask": _FILE}
    told = "The fields as text, `loras` as JSON; the pictures as files, up to 16 of them as `image` or `image[]`."
    return {**named, _FORM: {**form, "title": _FORM, "description": told, "properties": {**form["properties"], **files}}}


SCHEMAS: dict[str, dict[str, Any]] = _schemas()
"""What an edit's form is, and what it refers to, by name."""


@dataclass
class StreamedOperation(Operation):
    """For the `operation_class` of a handler that answers with server-sent events where `stream` asks for them."""

    def __post_init__(self) -> None:
        whole = (self.responses or {}).get("200")
        if isinstance(whole, OpenAPIResponse) and whole.content is not None:
            whole.content["text/event-stream"] = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))


@dataclass
class EditOperation(StreamedOperation):
    """For the handler's `operation_class`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        form: Any = Reference(ref=_NAMED.format(name=_FORM))
        self.request_body = RequestBody(required=True, content={"multipart/form-data": OpenAPIMediaType(schema=form)})
