"""How tests of the Studio surface ask."""

from __future__ import annotations

from typing import Any

import httpx

PATH = "/v0/images/generations"
Json = dict[str, Any]


async def made(client: httpx.AsyncClient, query: str = "", **body: Any) -> Json:
    """The answer to a generation that waits."""
    response = await client.post(PATH + query, json={"prompt": "a red circle", **body})
    assert response.status_code == 200, response.text
    answer: Json = response.json()["data"]
    return answer


def refused(response: httpx.Response, status: int, code: str, field: str | None = None) -> Json:
    """The body of a refusal, seen to be in this surface's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    told: Json = response.json()
    assert isinstance(told["error"], str)
    assert told["error"]
    assert told["code"] == code, told
    assert told["requestId"] == response.headers["x-request-id"]
    if field is not None:
        assert [error["field"] for error in told["errors"]] == [field], told
    return told
