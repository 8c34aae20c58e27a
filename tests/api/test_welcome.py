"""`/`: the address that `darkroom serve` prints, opened in a browser."""

from __future__ import annotations

import re

import httpx
import pytest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_it_says_where_to_go(stranger: httpx.AsyncClient) -> None:
    page = await stranger.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    links = re.findall(r'href="(http[^"]+)"', page.text)
    assert links == ["http://darkroom.test/schema", "http://darkroom.test/public"]
    assert [(await stranger.get(link)).status_code for link in links] == [200, 200]
    assert "<dd>http://darkroom.test/openai/v1</dd>" in page.text


async def test_programs_that_look_whether_somebody_is_there(stranger: httpx.AsyncClient) -> None:
    head = await stranger.head("/")
    assert (head.status_code, head.content) == (200, b"")


async def test_it_tells_nothing_of_anybodys(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    assert (await client.get("/")).text == (await stranger.get("/")).text
    assert (await stranger.post("/")).status_code == 405
