"""What the OpenAPI document cannot know of this surface: ids of operations that stand at two addresses, and a form's fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType


def operation(name: str) -> Callable[[Any, Any, Sequence[Any]], str]:
    """For a handler's `operation_id`: `openwebui_generate`, and `openwebui_v1_generate` for the second address."""

    def named(_handler: Any, _method: Any, parts: Sequence[Any]) -> str:
        return f"openwebui_v1_{name}" if "v1" in parts else f"openwebui_{name}"

    return named


@dataclass
class UploadOperation(Operation):
    """For the handler's `operation_class`."""

    def __post_init__(self) -> None:
        form = Schema(
            type=OpenAPIType.OBJECT,
            required=["file"],
            properties={
                "file": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
                "metadata": Schema(type=OpenAPIType.STRING, description="A JSON object; kept with the file."),
            },
        )
        self.request_body = RequestBody(required=True, content={"multipart/form-data": OpenAPIMediaType(schema=form)})
