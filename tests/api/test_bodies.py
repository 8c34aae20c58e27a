"""Bodies of pictures: nothing else waits while they are read."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

import httpx
import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from gateway.api import bodies
from gateway.api.bodies import LARGE, JsonRequest
from gateway.api.problems import HANDLERS


class Sent(Struct, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1)]


@post("/", status_code=200)
async def echo(data: JSONBody[Sent]) -> int:
    return len(data.text)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar([echo], request_class=JsonRequest, exception_handlers=HANDLERS, logging_config=None, openapi_config=None)
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://darkroom") as client:
        yield client


@pytest.mark.parametrize(("length", "hops"), [(1000, False), (LARGE, True)])
async def test_a_large_body_is_decoded_in_a_thread(
    length: int, hops: bool, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, decode = [], bodies.decode

    def noted(body: bytes, shape: Any) -> Any:
        where.append(threading.get_ident())
        return decode(body, shape)

    monkeypatch.setattr(bodies, "decode", noted)
    answer = await client.post("/", json={"text": "a" * length})
    assert answer.json() == length
    assert (where != [threading.get_ident()]) is hops


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"text": "%s", "other": 1}', 422, "other"),
        (b'{"text": "%s\\u0000"}', 422, "U+0000"),
        (b'{"text": "%s"', 400, "JSON"),
        (b'{"text": "%s\xff"}', 400, "JSON"),
    ],
)
async def test_it_is_refused_as_a_small_one_is(body: bytes, status: int, told: str, client: httpx.AsyncClient) -> None:
    for length in (10, LARGE):
        answer = await client.post("/", content=body.replace(b"%s", b"a" * length))
        assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text


async def test_a_body_in_parts_is_put_together(client: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"text": "'
        for _ in range(300):
            yield b"a" * 1024
        yield b'"}'

    assert (await client.post("/", content=parts())).json() == 300 * 1024
