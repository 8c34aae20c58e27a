"""How tests of the Open WebUI surface ask."""

from __future__ import annotations

from typing import Any

import httpx

MAKE, EDIT, MODELS = "/api/images/generations", "/api/images/edit", "/api/images/models"
CONFIG, UPDATE, VERIFY = "/api/images/config", "/api/images/config/update", "/api/images/config/url/verify"
FILES = "/api/v1/files"
Json = dict[str, Any]


async def made(client: httpx.AsyncClient, path: str = MAKE, **body: Any) -> list[str]:
    """The ids of the files that a request came to."""
    response = await client.post(path, json={"prompt": "a red circle", **body})
    assert response.status_code == 200, response.text
    return [file_id(each) for each in response.json()]


def file_id(answer: Json) -> str:
    """Out of what a picture is answered with."""
    assert list(answer) == ["url"]
    before, found, after = answer["url"].partition(f"{FILES}/")
    assert not before
    assert found
    image_id, _, rest = after.partition("/")
    assert rest == "content"
    return str(image_id)


async def file(client: httpx.AsyncClient, image_id: str) -> Json:
    response = await client.get(f"{FILES}/{image_id}")
    assert response.status_code == 200, response.text
    told: Json = response.json()
    return told


def refused(response: httpx.Response, status: int, code: str, field: str | None = None) -> Json:
    """The body of a refusal, seen to be in this surface's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    told: Json = response.json()
    assert isinstance(told["detail"], str)
    assert told["detail"]
    assert told["code"] == code, told
    assert told["request_id"] == response.headers["x-request-id"]
    if field is not None:
        assert [error["field"] for error in told["errors"]] == [field], told
    return told
