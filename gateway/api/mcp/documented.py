"""The messages in the OpenAPI document: the SDK reads and writes them, so that the framework cannot know them."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

_JSON, _STREAM = "application/json", "text/event-stream"
_ID = Schema(one_of=[Schema(type=OpenAPIType.INTEGER), Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.NULL)])
_MESSAGE = Schema(
    type=OpenAPIType.OBJECT,
    description="A JSON-RPC 2.0 request or notification of the Model Context Protocol, such as tools/call.",
    required=["jsonrpc", "method"],
    properties={
        "jsonrpc": Schema(const="2.0"),
        "id": Schema(one_of=[Schema(type=OpenAPIType.INTEGER), Schema(type=OpenAPIType.STRING)]),
        "method": Schema(type=OpenAPIType.STRING),
        "params": Schema(type=OpenAPIType.OBJECT),
    },
)
_ANSWER = Schema(
    type=OpenAPIType.OBJECT,
    description="Its answer.",
    required=["jsonrpc", "id"],
    properties={
        "jsonrpc": Schema(const="2.0"),
        "id": _ID,
        "result": Schema(type=OpenAPIType.OBJECT),
        "error": Schema(type=OpenAPIType.OBJECT),
    },
)
_EVENT = Schema(
    type=OpenAPIType.OBJECT,
    description="An event: a notification of progress, or at the end the answer, as JSON in `data`.",
    required=["data"],
    properties={"event": Schema(type=OpenAPIType.STRING), "data": Schema(type=OpenAPIType.STRING)},
)


@dataclass
class MessageOperation(Operation):
    """For the handler's `operation_class`."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(required=True, content={_JSON: OpenAPIMediaType(schema=_MESSAGE)})
        self.responses = {
            **(self.responses or {}),
            "200": OpenAPIResponse(
                description="The answer",
                content={_JSON: OpenAPIMediaType(schema=_ANSWER), _STREAM: OpenAPIMediaType(schema=_EVENT)},
            ),
            "202": OpenAPIResponse(description="A notification was taken"),
        }
