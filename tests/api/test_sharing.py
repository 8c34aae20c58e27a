"""/v1/images/{id}/share and the page behind the link: who makes it, what it shows, and how it ends."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from PIL import Image

from gateway.accounts import passwords
from gateway.api.gallery import content
from gateway.db import now
from gateway.storage import xmp
from tests.api.house import anyone, bearer, generate, problem
from tests.api.pictures import flat

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
PROMPT = "a vermilion walrus"
AHEAD, PAST = "2126-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
async def image_id(client: httpx.AsyncClient) -> str:
    return str((await generate(client, PROMPT))["output"]["images"][0]["artifact_id"])


async def shared(client: httpx.AsyncClient, image_id: str, **body: Any) -> Json:
    answer = await client.post(f"/v1/images/{image_id}/share", json=body or None)
    assert answer.status_code == 200, answer.text
    link: Json = answer.json()
    return link


async def page_of(link: Json, stranger: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await stranger.get(f"/s/{link['token']}", headers={**BROWSER, **headers})


def pictures_of(page: httpx.Response) -> list[str]:
    """The picture's addresses that a page has: whole, small, and those for previews."""
    found = re.findall(r'(?:href|src|content)="(http[^"]+/v1/images/[^"]+)"', page.text)
    return list(dict.fromkeys(unescape(each) for each in found))


async def test_a_link_is_made_once_and_shown_beside_its_picture(client: httpx.AsyncClient, image_id: str) -> None:
    link = await shared(client, image_id)
    assert re.fullmatch(r"[0-9A-Za-z]{40}", link["token"])
    assert link["url"] == f"http://darkroom.test/s/{link['token']}"
    assert {name: link[name] for name in ("expires_at", "views", "show_prompt", "has_password")} == {
        "expires_at": None, "views": 0, "show_prompt": False, "has_password": False,
    }  # fmt: skip
    assert await shared(client, image_id) == link
    assert await shared(client, image_id, show_prompt=False) == link
    assert (await client.get(f"/v1/images/{image_id}")).json()["share"] == link
    other = (await generate(client, "another"))["output"]["images"][0]["artifact_id"]
    listed = (await client.get("/v1/images")).json()["data"]
    assert {each["id"]: each["share"] for each in listed} == {image_id: link, other: None}
    assert (await client.get(f"/v1/images/{image_id}/share")).json() == {**link, "days": []}


async def test_anyone_sees_the_picture_and_nothing_of_the_prompt(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str
) -> None:
    page = await page_of(await shared(client, image_id), stranger)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in page.text
    assert page.headers["cache-control"] == "private, no-cache"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert PROMPT not in page.text
    assert "AI-generated" in page.text
    for name in ("og:title", "og:url", "og:image", "og:image:type", "og:image:width", "og:image:height"):
        assert f'<meta property="{name}" content="' in page.text
    assert '<meta name="twitter:card" content="summary_large_image">' in page.text
    addresses = pictures_of(page)
    assert addresses
    for address in addresses:
        picture = await stranger.get(address)
        assert picture.status_code == 200
        assert picture.headers["cache-control"] == "public, max-age=60"
        assert picture.headers["x-robots-tag"] == "noindex, nofollow"
        assert PROMPT.encode() not in picture.content
        assert b"darkroom\0" not in picture.content
        assert xmp.source_type_of(picture.content) == "trainedAlgorithmicMedia"
        Image.open(io.BytesIO(picture.content)).load()


async def test_the_prompt_where_the_owner_wants_it(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str
) -> None:
    link = await shared(client, image_id)
    bare = pictures_of(await page_of(link, stranger))[0]
    changed = await client.patch(f"/v1/images/{image_id}/share", json={"show_prompt": True})
    assert changed.json() == {**link, "show_prompt": True, "views": 1}
    page = await page_of(link, stranger)
    assert PROMPT in page.text
    assert "<dt>Prompt</dt>" in page.text
    german = (await page_of(link, stranger, **{"Accept-Language": "de"})).text
    assert "<dt>Beschreibung</dt>" in german
    assert "Prompt" not in german
    whole = pictures_of(page)[0]
    assert PROMPT.encode() in (await stranger.get(whole)).content
    assert (await stranger.get(bare)).status_code == 404
    await client.patch(f"/v1/images/{image_id}/share", json={"show_prompt": False})
    assert (await stranger.get(whole)).status_code == 404
    assert (await stranger.get(bare)).status_code == 200


async def test_an_upload_loses_its_place_and_is_not_called_what_it_is_not(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Nikon"
    exif.get_ifd(0x8825)[2] = (13.0, 45.0, 21.5)
    Image.open(io.BytesIO(flat())).convert("RGB").save(out, "JPEG", exif=exif)
    upload = (await client.post("/v1/uploads", files={"file": ("a.jpg", out.getvalue())})).json()["artifact_id"]
    problem(await client.post(f"/v1/images/{upload}/share"), 409, "wrong_state")
    await client.patch(f"/v1/images/{upload}", json={"saved": True})
    page = await page_of(await shared(client, upload, show_prompt=False), stranger)
    assert "AI-generated" not in page.text
    data = (await stranger.get(pictures_of(page)[0])).content
    assert b"Nikon" not in data
    assert not Image.open(io.BytesIO(data)).getexif()
    await client.patch(f"/v1/images/{upload}", json={"title": "A <walrus>"})
    page = await page_of((await client.get(f"/v1/images/{upload}/share")).json(), stranger)
    assert '<h1 dir="auto">A &lt;walrus&gt;</h1>' in page.text
    await client.patch(f"/v1/images/{upload}", json={"saved": False})
    assert (await stranger.get(pictures_of(page)[0])).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "language", "direction", "label"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "ltr", "KI-generiert"),
        ("ar", "ar", "rtl", "مُنشأة بالذكاء الاصطناعي"),
        ("tlh, zh-TW;q=0.8, zh;q=0.5", "zh-hant", "ltr", "AI 生成"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_label_in_the_readers_language(
    client: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    image_id: str,
    accepted: str,
    language: str,
    direction: str,
    label: str,
) -> None:
    page = await page_of(await shared(client, image_id), stranger, **{"Accept-Language": accepted})
    assert f'<html lang="{language}" dir="{direction}">' in page.text
    assert f'<span class="label">{label}</span>' in page.text


async def test_what_is_revoked_stays_so(client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str) -> None:
    link = await shared(client, image_id)
    address = pictures_of(await page_of(link, stranger))[0]
    assert (await client.delete(f"/v1/images/{image_id}/share")).status_code == 204
    gone = await page_of(link, stranger)
    assert (gone.status_code, gone.headers["x-robots-tag"]) == (404, "noindex, nofollow")
    assert gone.headers["content-type"].startswith("text/html")
    assert (await stranger.get(address)).status_code == 404
    for method in ("GET", "PATCH", "DELETE"):
        answer = await client.request(method, f"/v1/images/{image_id}/share", json={} if method == "PATCH" else None)
        problem(answer, 404, "not_found")
    another = await shared(client, image_id)
    assert another["token"] != link["token"]
    assert (await page_of(link, stranger)).status_code == 404
    assert (await page_of(another, stranger)).status_code == 200


async def test_what_has_expired_is_told_so_and_can_live_again(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await shared(client, image_id, expires_at=AHEAD)
    assert link["expires_at"] == AHEAD
    address = pictures_of(await page_of(link, stranger))[0]
    later = now() + 200 * 365 * 86_400_000_000
    with monkeypatch.context() as patch:
        patch.setattr("gateway.sharing.live.now", lambda: later)
        patch.setattr("gateway.sharing.links.now", lambda: later)
        assert (await page_of(link, stranger)).status_code == 410
        problem(await stranger.get(address), 410, "link_expired")
        replaced = await shared(client, image_id)
        assert replaced["token"] != link["token"]
        assert (await page_of(link, stranger)).status_code == 410
        assert (await page_of(replaced, stranger)).status_code == 200
    renewed = await client.patch(f"/v1/images/{image_id}/share", json={"expires_at": AHEAD})
    assert (renewed.json()["token"], renewed.json()["expires_at"]) == (replaced["token"], AHEAD)
    soon = {"expires_at": (datetime.now(UTC) + timedelta(seconds=20)).isoformat()}
    ending = (await client.patch(f"/v1/images/{image_id}/share", json=soon)).json()
    kept = (await stranger.get(pictures_of(await page_of(ending, stranger))[0])).headers["cache-control"]
    assert int(kept.removeprefix("public, max-age=")) <= 20, "caches keep it no longer than the link lives"
    endless = await client.patch(f"/v1/images/{image_id}/share", json={"expires_at": None})
    assert endless.json()["expires_at"] is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_end_past_the_last_year_is_the_end_of_that(client: httpx.AsyncClient, image_id: str) -> None:
    for method, far in (("POST", "9999-12-31T23:59:59.999999Z"), ("PATCH", "9999-12-31T23:59:59-23:59")):
        answer = await client.request(method, f"/v1/images/{image_id}/share", json={"expires_at": far})
        assert answer.json()["expires_at"] == "9999-12-31T23:59:59Z"
    assert (await client.get("/v1/images")).json()["data"][0]["share"] == answer.json()


BAD_WISHES: list[tuple[object, str]] = [
    ({"expires_at": PAST}, "expires_at"),
    ({"expires_at": "tomorrow"}, "expires_at"),
    ({"expires_at": 7}, "expires_at"),
    ({"show_prompt": "yes"}, "show_prompt"),
    ({"show_prompt": None}, "show_prompt"),
    ({"password": "short"}, "password"),
    ({"password": "x" * 1025}, "password"),
    ({"until": AHEAD}, "until"),
    ([], ""),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_bad_wishes(client: httpx.AsyncClient, image_id: str, subtests: pytest.Subtests) -> None:
    for method in ("POST", "PATCH"):
        for body, field in BAD_WISHES:
            with subtests.test(method=method, body=body):
                answer = await client.request(method, f"/v1/images/{image_id}/share", json=body)
                told = problem(answer, 422, "invalid_request")
                assert [each["field"] for each in told["errors"]] == ([field] if field else [])
        assert (await client.get(f"/v1/images/{image_id}")).json()["share"] is None or method == "PATCH"
        await shared(client, image_id)


async def test_a_link_that_lives_is_not_changed_by_asking_for_another(client: httpx.AsyncClient, image_id: str) -> None:
    link = await shared(client, image_id, password="correct horse")
    assert await shared(client, image_id, password="correct horse") == link
    for field, value in (("show_prompt", True), ("expires_at", AHEAD), ("password", "another one"), ("password", None)):
        told = problem(await client.post(f"/v1/images/{image_id}/share", json={field: value}), 409, "already_exists")
        assert told["errors"][0]["field"] == field


async def test_the_trash_closes_the_link_and_opens_it_again(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str
) -> None:
    link = await shared(client, image_id)
    address = pictures_of(await page_of(link, stranger))[0]
    await client.delete(f"/v1/images/{image_id}")
    assert (await page_of(link, stranger)).status_code == 404
    assert (await stranger.get(address)).status_code == 404
    problem(await client.post(f"/v1/images/{image_id}/share"), 409, "wrong_state")
    problem(await client.patch(f"/v1/images/{image_id}/share", json={"show_prompt": True}), 409, "wrong_state")
    await client.post(f"/v1/images/{image_id}/restore")
    assert (await page_of(link, stranger)).status_code == 200
    await client.delete(f"/v1/images/{image_id}")
    assert (await client.delete(f"/v1/images/{image_id}/share")).status_code == 204
    problem(await client.post(f"/v1/images/{image_id}/share"), 409, "wrong_state")
    assert (await client.delete(f"/v1/images/{image_id}/forever")).status_code == 204
    assert (await page_of(link, stranger)).status_code == 404
    acts = (await client.get("/admin/audit", params={"target": image_id})).json()["data"]
    assert [each["action"] for each in acts if each["action"].startswith("share.")] == ["share.revoke", "share.create"]


async def test_every_act_stays_in_the_audit_log(client: httpx.AsyncClient, image_id: str) -> None:
    link = await shared(client, image_id, password="correct horse")
    await client.patch(f"/v1/images/{image_id}/share", json={"expires_at": AHEAD, "password": "another one"})
    await client.patch(f"/v1/images/{image_id}/share", json={})
    await client.delete(f"/v1/images/{image_id}/share")
    acts = (await client.get("/admin/audit", params={"target": image_id})).json()
    assert [each["action"] for each in acts["data"]] == ["share.revoke", "share.change", "share.create"]
    assert acts["data"][1]["details"]["has_password"] is True
    assert acts["data"][1]["details"]["expires_at"] == AHEAD
    assert not [secret for secret in (link["token"], "correct horse", "another one") if secret in str(acts)]


async def test_views_are_of_people(
    app: Litestar, client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str
) -> None:
    link = await shared(client, image_id)
    for agent in ("", "Slackbot-LinkExpanding 1.0", "curl/8.5", "facebookexternalhit/1.1", "WhatsApp/2.2", "Googlebot/2.1"):
        await page_of(link, stranger, **{"User-Agent": agent})
    await page_of(link, stranger, **{"Sec-Purpose": "prefetch;prerender"})
    head = await stranger.head(f"/s/{link['token']}", headers=BROWSER)
    assert (head.status_code, head.headers["x-robots-tag"]) == (200, "noindex, nofollow")
    assert (await shared(client, image_id))["views"] == 0
    for _ in range(3):
        await page_of(link, stranger)
    (day,) = (await client.get(f"/v1/images/{image_id}/share")).json()["days"]
    assert day["views"] == (await shared(client, image_id))["views"] == 3


async def test_a_password_is_asked_for(client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str) -> None:
    link = await shared(client, image_id, password="correct horse", show_prompt=True)
    assert (await client.get(f"/v1/images/{image_id}/share")).json()["has_password"] is True
    url = f"/s/{link['token']}"
    asked = await page_of(link, stranger)
    assert (asked.status_code, pictures_of(asked)) == (200, [])
    assert 'type="password"' in asked.text
    assert PROMPT not in asked.text
    wrong = await stranger.post(url, data={"password": "wrong"})
    assert (wrong.status_code, wrong.headers["x-robots-tag"]) == (403, "noindex, nofollow")
    assert "This is not the password." in wrong.text
    right = await stranger.post(url, data={"password": "correct horse"})
    assert (right.status_code, right.headers["location"]) == (303, link["token"])
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert f"Path={url}" in cookie
    opened = await page_of(link, stranger)
    assert PROMPT in opened.text
    picture = await stranger.get(pictures_of(opened)[0])
    assert (picture.status_code, picture.headers["cache-control"]) == (200, "private, max-age=60")
    assert (await client.get(f"/v1/images/{image_id}/share")).json()["views"] == 1
    await client.patch(f"/v1/images/{image_id}/share", json={"password": "another one"})
    assert 'type="password"' in (await page_of(link, stranger)).text
    assert (await stranger.get(pictures_of(opened)[0])).status_code == 404
    await client.patch(f"/v1/images/{image_id}/share", json={"password": None})
    without = pictures_of(await page_of(link, stranger))[0]
    assert (await stranger.get(without)).status_code == 200
    await client.patch(f"/v1/images/{image_id}/share", json={"password": "another one"})
    assert (await stranger.get(without)).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_who_guesses_is_slowed_down(client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str) -> None:
    link = await shared(client, image_id, password="correct horse")
    answers = [await stranger.post(f"/s/{link['token']}", data={"password": str(n)}) for n in range(12)]
    assert [each.status_code for each in answers] == [403] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].headers["content-type"].startswith("text/html")
    assert (await stranger.post(f"/s/{link['token']}", data={"password": "correct horse"})).status_code == 429


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_no_link(stranger: httpx.AsyncClient) -> None:
    for token in ("x", "0" * 40, "ä" * 40, "0" * 41, "%00" + "0" * 39):
        for answer in (await stranger.get(f"/s/{token}"), await stranger.post(f"/s/{token}", data={"password": "a"})):
            assert (answer.status_code, answer.headers["x-robots-tag"]) == (404, "noindex, nofollow")
    assert (await stranger.post(f"/s/{'0' * 40}", content=b"x" * 9_000)).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_addresses_of_a_share_open_nothing_else(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, image_id: str
) -> None:
    address = pictures_of(await page_of(await shared(client, image_id), stranger))[0]
    for altered in (
        address.replace("s=share", "s=live"),
        re.sub(r"by=[^&]*", "by=x", address),
        address.replace("&s=share", ""),
    ):
        problem(await stranger.get(altered), 403, "bad_signature")
    body = {"prompt": "a", "image": {"type": "url", "url": address}}
    problem(await client.post("/v1/images/image-to-image", json=body), 422, "unfetchable_url")


async def test_other_teams_and_readers(
    app: Litestar, client: httpx.AsyncClient, other_team: httpx.AsyncClient, image_id: str
) -> None:
    path = f"/v1/images/{image_id}/share"
    await shared(client, image_id)
    for answer in (
        await other_team.post(path),
        await other_team.get(path),
        await other_team.patch(path, json={"show_prompt": True}),
        await other_team.delete(path),
    ):
        problem(answer, 404, "not_found")
    me = (await client.get("/v1/me")).json()
    made = await client.post(
        "/admin/keys",
        json={"name": "r", "team_id": me["team"]["id"], "user_id": me["user"]["id"], "permissions": ["gallery.read"]},
    )
    async with anyone(app, bearer(made.json()["key"])) as reader:
        assert (await reader.get(path)).status_code == 200
        for answer in (await reader.post(path), await reader.patch(path, json={}), await reader.delete(path)):
            problem(answer, 403, "forbidden")


def test_caches_forget_within_a_minute() -> None:
    assert content.MINUTE <= 60
