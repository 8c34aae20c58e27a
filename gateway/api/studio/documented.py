"""A generation's body in the OpenAPI document: the framework cannot know it, for the handler is given what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from gateway.api.studio.asked import ImageGeneration

_NAMED = "#/components/schemas/{name}"
SCHEMAS: dict[str, dict[str, Any]] = msgspec.json.schema_components([ImageGeneration], ref_template=_NAMED)[1]
"""What the body refers to, by name."""
_FORM = Schema(
    type=OpenAPIType.OBJECT,
    description="The same fields as text, `variables`, `refImageBase64` and `webhook` as JSON; and a part for each file that "
    "the preset asks for, called as its requirement: key, or key_0, key_1 and so on where it takes several.",
    properties={
        "prompt": Schema(type=OpenAPIType.STRING),
        "presetId": Schema(type=OpenAPIType.STRING),
        "variables": Schema(type=OpenAPIType.STRING, description="A JSON object."),
    },
    additional_properties=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
)


@dataclass
class GenerationOperation(Operation):
    """For the handler's `operation_class`."""

    def __post_init__(self) -> None:
        whole: Any = Reference(ref=_NAMED.format(name=ImageGeneration.__name__))
        kinds: dict[str, Any] = {"application/json": whole, "multipart/form-data": _FORM}
        self.request_body = RequestBody(
            required=True, content={kind: OpenAPIMediaType(schema=schema) for kind, schema in kinds.items()}
        )
