"""The byte routes in the OpenAPI document: they stand before the framework, which so cannot describe them."""

from __future__ import annotations

from typing import Any

from gateway.api.access import SECURITY
from gateway.api.links import MEDIA_TYPES
from gateway.api.problems import MEDIA_TYPE as PROBLEM


def _parameter(name: str, where: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "description": description, "required": where == "path", "schema": schema}


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


_TEXT = {"type": "string"}
_BYTES = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in sorted(MEDIA_TYPES.values())}
_ID = _parameter("image_id", "path", "The picture.", _TEXT)
_NAME = _parameter("name", "path", "The hash of the bytes and their type, as the signed address has them.", _TEXT)
_SIZE = _parameter(
    "size", "query", "At most so many pixels wide and high.", {"type": "integer", "enum": [256, 768], "default": 256}
)
_DOWNLOAD = _parameter("download", "query", "As an attachment, to be saved.", {"type": "string", "enum": ["1"]})
_RANGE = _parameter("Range", "header", "One range of bytes.", _TEXT)
_SEEN = _parameter("If-None-Match", "header", "The ETag of what is there already.", _TEXT)
_SIGNATURE = [
    _parameter("e", "query", "When the address ends, in seconds since the epoch.", {"type": "integer"}),
    _parameter("s", "query", "What the address is for.", _TEXT),
    _parameter("by", "query", "In addresses of a public link: which link that is.", _TEXT),
    _parameter("sig", "query", "The signature over path and query.", _TEXT),
]
_ANSWERS = {
    "200": {"description": "All bytes.", "content": _BYTES},
    "206": {"description": "The bytes of the range.", "content": _BYTES},
    "304": {"description": "What is there already is right."},
    "404": _refusal("There is no such picture, or its file, imported in place, is gone."),
    "410": _refusal("Its file, imported in place, was changed since."),
    "416": _refusal("The range begins past the end."),
}
_BY_KEY = {
    **_ANSWERS,
    "401": _refusal("No key, or a wrong one."),
    "403": _refusal("The key may not read the gallery."),
    "429": _refusal("Too often."),
}
_BY_SIGNATURE = {
    **_ANSWERS,
    "403": _refusal("The signature is not ours, or the address was altered."),
    "410": _refusal("The address has expired, or the picture's file, imported in place, was changed since."),
}


_ARCHIVE = {
    "get": {
        "tags": ["Gallery"],
        "operationId": "get_signed_archive",
        "summary": "The archive of an export, by `download_url`",
        "parameters": [
            _parameter("job_id", "path", "The export.", _TEXT),
            _parameter("name", "path", "What the file is called.", _TEXT),
            *_SIGNATURE,
            _DOWNLOAD,
            _RANGE,
            _SEEN,
        ],
        "responses": {
            **_BY_SIGNATURE,
            **{
                status: {
                    "description": told,
                    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
                }
                for status, told in (("200", "All bytes."), ("206", "The bytes of the range."))
            },
        },
        "security": [],
    }
}


def _get(operation_id: str, summary: str, parameters: list[dict[str, Any]], *, signed: bool) -> dict[str, Any]:
    sized = {"422": _refusal("There is no thumbnail of that size.")} if _SIZE in parameters else {}
    return {
        "get": {
            "tags": ["Gallery"],
            "operationId": operation_id,
            "summary": summary,
            "parameters": [*parameters, *(_SIGNATURE if signed else []), _DOWNLOAD, _RANGE, _SEEN],
            "responses": {**(_BY_SIGNATURE if signed else _BY_KEY), **sized},
            "security": [] if signed else SECURITY,
        }
    }


PATHS: dict[str, Any] = {
    "/v1/images/{image_id}/content": _get("get_content", "A picture's bytes", [_ID], signed=False),
    "/v1/images/{image_id}/thumbnail": _get("get_thumbnail", "A picture's thumbnail", [_ID, _SIZE], signed=False),
    "/v1/images/{image_id}/content/{name}": _get(
        "get_signed_content", "A picture's bytes, by `url`", [_ID, _NAME], signed=True
    ),
    "/v1/images/{image_id}/thumbnail/{name}": _get(
        "get_signed_thumbnail", "A thumbnail, by `thumbnail_url`", [_ID, _NAME], signed=True
    ),
    "/v1/images/exports/{job_id}/archive/{name}": _ARCHIVE,
}
"""As OpenAPI's `paths` has them."""
