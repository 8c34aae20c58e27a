"""Bodies in the OpenAPI document: the framework cannot know them, for handlers are given what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from msgspec import Struct

from gateway.api.a1111.asked import ExtraBatch, ExtraSingle, Img2Img, PngInfo, ProgressAsked, Txt2Img

_NAMED = "#/components/schemas/{name}"
SCHEMAS: dict[str, dict[str, Any]] = msgspec.json.schema_components(
    [Txt2Img, Img2Img, ExtraSingle, ExtraBatch, PngInfo, ProgressAsked], ref_template=_NAMED
)[1]
"""What the bodies are, by name."""


def body_of(shape: type[Struct] | None) -> type[Operation]:
    """For a handler's `operation_class`; None: any object."""

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            whole: Any = Reference(ref=_NAMED.format(name=shape.__name__)) if shape else Schema(type=OpenAPIType.OBJECT)
            self.request_body = RequestBody(required=True, content={"application/json": OpenAPIMediaType(schema=whole)})

    return Described
