"""Pictures' bytes: by signed address and by key, whole and in part."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from gateway.api.gallery import content
from gateway.api.gallery.documented import PATHS
from gateway.db import now
from gateway.house import SIGNATURES
from gateway.secrets import Secrets
from gateway.storage import Signer
from gateway.storage.signing import DAY, SECOND
from gateway.wiring import Wiring
from tests.api.house import URL, anyone, bearer, generate, member_key, problem


@pytest.fixture
async def image(client: httpx.AsyncClient) -> dict[str, Any]:
    """One picture of some 100 kB and more, as the gallery shows it."""
    await generate(client, model="free", size="256x256", seed=7)
    shown: dict[str, Any] = (await client.get("/v1/images")).json()["data"][0]
    return shown


async def test_a_signed_address_opens_without_a_key(stranger: httpx.AsyncClient, image: dict[str, Any]) -> None:
    response = await stranger.get(image["url"])
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"] == f'inline; filename="{image["id"]}.png"'
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["etag"] == f'"{hashlib.sha256(response.content).hexdigest()}"'
    assert len(response.content) == int(response.headers["content-length"]) == image["bytes"]
    caching = re.fullmatch(r"private, max-age=(\d+), immutable", response.headers["cache-control"])
    assert caching
    assert int(caching[1]) + 60 >= 7 * DAY
    assert int(caching[1]) <= 8 * DAY


async def test_the_thumbnail(stranger: httpx.AsyncClient, image: dict[str, Any]) -> None:
    response = await stranger.get(image["thumbnail_url"])
    assert response.headers["content-type"] == "image/webp"
    assert response.content[8:12] == b"WEBP"


async def test_what_is_there_already_is_not_sent_again(stranger: httpx.AsyncClient, image: dict[str, Any]) -> None:
    etag = (await stranger.get(image["url"])).headers["etag"]
    for seen in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = await stranger.get(image["url"], headers={"If-None-Match": seen})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == etag
        assert "immutable" in response.headers["cache-control"]
    assert (await stranger.get(image["url"], headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=5-5", 5, 6)],
)
async def test_a_range(stranger: httpx.AsyncClient, image: dict[str, Any], asked: str, start: int, stop: int | None) -> None:
    whole = (await stranger.get(image["url"])).content
    response = await stranger.get(image["url"], headers={"Range": asked})
    expected = whole[start:stop]
    first = start if start >= 0 else len(whole) + start
    assert (response.status_code, response.content) == (206, expected)
    assert response.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert response.headers["content-length"] == str(len(expected))


async def test_a_range_past_the_end(stranger: httpx.AsyncClient, image: dict[str, Any]) -> None:
    response = await stranger.get(image["url"], headers={"Range": f"bytes={image['bytes']}-"})
    problem(response, 416, "range_not_satisfiable")
    assert response.headers["content-range"] == f"bytes */{image['bytes']}"


async def test_a_range_of_other_bytes_gets_the_whole(stranger: httpx.AsyncClient, image: dict[str, Any]) -> None:
    etag = (await stranger.get(image["url"])).headers["etag"]
    same = await stranger.get(image["url"], headers={"Range": "bytes=0-9", "If-Range": etag})
    other = await stranger.get(image["url"], headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


async def test_head_has_the_headers_only(stranger: httpx.AsyncClient, image: dict[str, Any]) -> None:
    response = await stranger.head(image["url"])
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(image["bytes"])


async def test_other_methods_are_refused(stranger: httpx.AsyncClient, image: dict[str, Any]) -> None:
    response = await stranger.post(image["url"])
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD"


async def test_a_download(stranger: httpx.AsyncClient, client: httpx.AsyncClient, image: dict[str, Any]) -> None:
    signed = await stranger.get(image["url"] + "&download=1")
    keyed = await client.get(f"/v1/images/{image['id']}/content?download=1")
    assert signed.headers["content-disposition"] == f'attachment; filename="{image["id"]}.png"'
    assert keyed.headers["content-disposition"] == signed.headers["content-disposition"]


async def test_large_pictures_are_sent_in_chunks(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, wiring: Wiring
) -> None:
    task = await generate(client, model="free", size="512x512")
    url = task["output"]["images"][0]["url"]
    name = url.partition("?")[0].rpartition("/")[2].removesuffix(".png")
    (file,) = (wiring.data / "blobs").glob(f"*/*/{name}")
    # The fake engine's pictures are small; what is long is what matters here, and a blob is not read again.
    data = bytes(range(256)) * 4096
    file.chmod(0o600)
    file.write_bytes(data)
    whole = await stranger.get(url)
    part = await stranger.get(url, headers={"Range": "bytes=300000-700000"})
    assert whole.content == data
    assert part.content == data[300000:700001]


ALTERED: list[Callable[[str], str]] = [
    lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
    lambda url: url.replace("s=live", "s=trash"),
    lambda url: re.sub(r"e=\d+", "e=99999999999", url),
    lambda url: url.replace("/content/", "/thumbnail/"),
    lambda url: re.sub(r"/content/[0-9a-f]{4}", "/content/0000", url),
    lambda url: url.replace(".png", ".jpg"),
    lambda url: url + "&x=1",
    lambda url: url + "&e=1",
    lambda url: url.partition("?")[0],
    lambda url: url.partition("&sig")[0],
    lambda url: re.sub("/images/[^/]+/", "/images/01234567-89ab-7def-8123-456789abcdef/", url),
]


async def test_an_altered_address_is_refused(
    stranger: httpx.AsyncClient, image: dict[str, Any], subtests: pytest.Subtests
) -> None:
    assert (await stranger.get(image["url"])).status_code == 200
    for alter in ALTERED:
        with subtests.test(alter(image["url"])):
            problem(await stranger.get(alter(image["url"])), 403, "bad_signature")


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fdarkroom.db", "../../../darkroom.db", "%2e%2e/master.key", "x" * 64 + ".png", "A" * 64 + ".png"]
)
async def test_no_path_leads_out_of_the_blobs(stranger: httpx.AsyncClient, image: dict[str, Any], name: str) -> None:
    response = await stranger.get(f"/v1/images/{image['id']}/content/{name}")
    assert response.status_code in (403, 404)


async def test_even_a_signature_leads_nowhere_else(wiring: Wiring, stranger: httpx.AsyncClient) -> None:
    """A name that is no hash is refused behind the signature too."""
    signer = Signer(Secrets.open(wiring.data, {}).derive(SIGNATURES), URL)
    for name in ("darkroom.db", "..%2Fdarkroom.db", "0" * 63 + ".png", "0" * 64 + ".exe", "0" * 64):
        problem(await stranger.get(signer.url(f"/v1/images/x/content/{name}", now=now())), 404, "not_found")
    problem(await stranger.get(signer.url(f"/v1/images/x/content/{'0' * 64}.png", now=now())), 404, "not_found")
    problem(
        await stranger.get(signer.url(f"/v1/images/x/content/{'0' * 64}.png", "elsewhere", now=now())), 403, "bad_signature"
    )
    over = now() - 30 * DAY * SECOND
    problem(await stranger.get(signer.url(f"/v1/images/x/content/{'0' * 64}.png", now=over)), 410, "link_expired")


async def test_an_address_that_opened_before_ends_when_it_says(
    stranger: httpx.AsyncClient, image: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good signatures are remembered: no longer than they are good."""
    left = int(str(re.search(r"max-age=(\d+)", (await stranger.get(image["url"])).headers["cache-control"])[1]))  # type: ignore[index]
    for seconds, status in ((left - 60, 200), (left + 60, 410)):
        later = now() + seconds * SECOND
        with monkeypatch.context() as patch:
            patch.setattr(content, "now", lambda later=later: later)
            assert (await stranger.get(image["url"])).status_code == status


async def test_by_key(client: httpx.AsyncClient, image: dict[str, Any]) -> None:
    content = await client.get(f"/v1/images/{image['id']}/content")
    assert content.content == (await client.get(image["url"])).content
    # The key may be revoked, so its answers are asked about each time.
    assert content.headers["cache-control"] == "private, no-cache"
    again = await client.get(f"/v1/images/{image['id']}/content", headers={"If-None-Match": content.headers["etag"]})
    assert again.status_code == 304
    for query in ("", "?size=256", "?size=768"):
        assert (await client.get(f"/v1/images/{image['id']}/thumbnail{query}")).status_code == 200
    told = problem(await client.get(f"/v1/images/{image['id']}/thumbnail?size=9"), 422, "invalid_request")
    assert told["errors"] == [{"field": "size", "message": "size must be 256 or 768."}]
    assert "422" in PATHS["/v1/images/{image_id}/thumbnail"]["get"]["responses"]


async def test_by_key_only_for_the_team_and_with_the_permission(
    app: Litestar, wiring: Wiring, stranger: httpx.AsyncClient, other_team: httpx.AsyncClient, image: dict[str, Any]
) -> None:
    makes_only = await member_key(wiring, "features.image_generation", team="makers")
    for path in (f"/v1/images/{image['id']}/content", f"/v1/images/{image['id']}/thumbnail"):
        problem(await stranger.get(path), 401, "not_authenticated")
        problem(await other_team.get(path), 404, "not_found")
        problem(await other_team.get(path.replace(image["id"], "nothing")), 404, "not_found")
        async with anyone(app, bearer(makes_only)) as client:
            problem(await client.get(path), 403, "forbidden")


async def test_bytes_that_are_gone(client: httpx.AsyncClient, image: dict[str, Any], wiring: Wiring) -> None:
    for file in (wiring.data / "blobs").glob("*/*/*"):
        file.unlink()
    problem(await client.get(image["url"]), 404, "not_found")


async def test_the_address_begins_with_the_public_url(image: dict[str, Any]) -> None:
    assert image["url"].startswith(f"{URL}/v1/images/{image['id']}/content/")


async def test_behind_a_sub_path(app: Litestar, image: dict[str, Any]) -> None:
    """A server that is told of a proxy's sub-path gives it as `root_path`, in front of the path."""
    transport = httpx.ASGITransport(cast("Any", app), root_path="/darkroom")
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        response = await client.get(image["url"].replace(URL, f"{URL}/darkroom"))
    assert response.status_code == 200
