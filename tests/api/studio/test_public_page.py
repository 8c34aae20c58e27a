"""/public: what everyone may see, as a page."""

from __future__ import annotations

import io
import re
from html import unescape

import httpx
import pytest
from PIL import Image

from gateway.pages import public
from gateway.storage import xmp
from tests.api.house import problem
from tests.api.studio.asking import made

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_the_page(client: httpx.AsyncClient, stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = await stranger.get("/public")
    assert (empty.status_code, empty.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Nothing has been published" in empty.text

    monkeypatch.setattr(public, "ON_A_PAGE", 1)
    await made(client, resolution="low", prompt="what a team keeps to itself")
    ids = [(await made(client, resolution="low", isPublic=True, prompt="a secret"))["data"][0]["id"] for _ in range(2)]
    first = (await stranger.get("/public")).text
    assert "secret" not in first
    assert "AI-generated" in first
    german = await stranger.get("/public", headers={"Accept-Language": "de"})
    assert ("KI-generiert" in german.text, german.headers["vary"]) == (True, "Accept-Language")
    assert "default-src 'none'" in empty.headers["content-security-policy"]
    following = re.search(r'href="(public\?next=[^"]+)"', first)
    assert following
    second = (await stranger.get(f"/{unescape(following[1])}")).text
    assert 'rel="next"' not in second
    for page, image_id in ((first, ids[1]), (second, ids[0])):
        addresses = [unescape(each) for each in re.findall(r'(?:href|src)="(http[^"]+)"', page)]
        assert len(addresses) == 2
        for address in addresses:
            assert image_id in address
            shown = await stranger.get(address)
            assert shown.status_code == 200
            file = Image.open(io.BytesIO(shown.content))
            assert not file.getexif()
            assert xmp.source_type_of(file.info["xmp"]) == "trainedAlgorithmicMedia"
        own = (await client.get(f"/v1/images/{image_id}/content")).content
        assert Image.open(io.BytesIO(own)).getexif()


async def test_a_page_that_there_is_not(stranger: httpx.AsyncClient) -> None:
    problem(await stranger.get("/public?next=nonsense"), 422, "invalid_request")
