"""No team reaches another's things: by no route of the OpenAPI document, and by no id within a body, a query or a cursor."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar

from gateway.accounts import passwords
from gateway.api.door import CSRF_HEADER
from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.furnishing import PROMPT, RECEIVER, Things, furnish, rows
from tests.api.house import anyone, bearer, create_app, member_key, problem
from tests.api.isolation import (
    AT_ONCE,
    CARRIED,
    EVERYONES_IDS,
    NOBODYS,
    PUBLIC,
    UNDESCRIBED,
    UNSTEADY,
    Operation,
    operations,
    sent,
    told,
)
from tests.api.pictures import data_uri, flat
from tests.fakes.web import Web, ok

Client = httpx.AsyncClient
STRANGER, BOTH, ADMINISTRATOR = "another team's owner", "an owner of both, by the other's key", "an administrator"
EDIT = """
[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
max_references = 4

[[models]]
id = "afar"
engine = "far"
source = "fake:afar"
upscaler = "lanczos"
native_sizes = [[128, 128]]

[[models]]
id = "grow"
engine = "fake"
source = "fake:grow"
can = ["upscale"]

[[models]]
id = "grow-afar"
engine = "far"
source = "fake:grow-afar"
can = ["upscale"]
"""
ORDER = ("GET", "PUT", "PATCH", "POST", "DELETE")
"""In which the team asks for its own things, so that they are there as long as they are asked for."""
LAST = ("/api/v1/files/{image_id}", "/v1/images/{image_id}", "/v1/images/{image_id}/forever")
"""Of one method, those that leave nothing for the others."""
FIRST = {("POST", "/v1/images/{image_id}/restore"): "DELETE"}
"""What the team does to the thing before, so that it can be asked for."""
REPEATED: dict[str, dict[str, Any]] = {
    # These answer when the pictures are there: on a lane where nothing stands in the way.
    **{f"/api/{version}images/generations": {"json": {"model": "afar"}} for version in ("", "v1/")},
    **{f"/api/{version}images/edit": {"json": {"model": "afar", "image": data_uri()["data_uri"]}} for version in ("", "v1/")},
    "/openai/v1/images/generations": {"json": {"model": "afar"}},
    "/openai/v1/chat/completions": {"json": {"model": "afar"}, "says": "messages"},
    "/openai/v1/responses": {"json": {"model": "afar"}, "says": "input"},
    "/sdapi/v1/txt2img": {"json": {"model": "afar"}},
    "/sdapi/v1/img2img": {"json": {"model": "afar", "init_images": [data_uri()["data_uri"]]}},
    "/sdapi/v1/extra-single-image": {"json": {"upscaler_1": "grow-afar", "image": data_uri()["data_uri"]}},
    "/sdapi/v1/extra-batch-images": {"json": {"upscaler_1": "grow-afar", "imageList": [{"data": data_uri()["data_uri"]}]}},
    "/openai/v1/images/edits": {"form": {"model": "afar"}, "files": {"image": ("a.png", flat())}},
    "/mcp": {"json": {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}, "says": "params"},
    "/v0/images/generations": {**AT_ONCE, "json": {"resolution": "low"}},
    "/v1/images/generations": {"json": {}},
    "/v1/images/image-to-image": {"json": {"model": "edit", "image": data_uri()}},
    "/v1/generate/image": {"json": {}},
    "/v1/images/bulk/export": {"json": {}, "names": "ids"},
    "/v1/images/{image_id}/edit": {"json": {}},
    "/v1/images/{image_id}/upscale": {"json": {}, "says": "title"},
    "/v1/chat/sessions/{session_id}/messages": {"json": {}, "says": "text"},
}
"""What takes an Idempotency-Key, and what it is sent beside a prompt, or what it says or names instead."""
RETRY = "/v1/tasks/{task_id}/retry"


class Teams(NamedTuple):
    owner: Client
    """Of the first team."""
    things: Things
    others: dict[str, Client]
    """Those who must not reach the first team's things."""
    before: dict[str, tuple[int, str]]
    """What one of them was shown before there were any, by path."""


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    with wiring.models_path.open("a") as models:
        models.write(EDIT)
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


@pytest.fixture
async def teams(app: Litestar, wiring: Wiring, client: Client, web: Web) -> AsyncIterator[Teams]:
    await web.serve(ok(b""), "receiver.example")
    first, second = [await member_key(wiring, team=name, role="owner") for name in ("first", "second")]
    async with AsyncExitStack() as stack:
        owner, stranger = [await stack.enter_async_context(anyone(app, bearer(key))) for key in (first, second)]
        both = await stack.enter_async_context(anyone(app, bearer(await _key_in_both(client, owner, stranger))))
        others = {STRANGER: stranger, BOTH: both, ADMINISTRATOR: client}
        before = {each.path: told(await _shown(stranger, each)) for each in await operations(client) if each.shows}
        yield Teams(owner, await furnish(owner, client), others, before)


async def _shown(client: Client, operation: Operation) -> httpx.Response:
    """Where one may ask for one's own only, one does: the same user's are in another team too."""
    return await client.get(operation.path, params={"mine": True} if "mine" in operation.elsewhere else None)


async def _key_in_both(admin: Client, owner: Client, stranger: Client) -> str:
    """The first team's owner owns the second one too: a key of theirs that is the second's."""
    user = (await owner.get("/v1/me")).json()["user"]["id"]
    team = (await stranger.get("/v1/me")).json()["team"]["id"]
    await admin.post(f"/admin/teams/{team}/members", json={"user_id": user, "role": "owner"})
    carried = ["features.image_generation", "gallery.read", "gallery.write"]
    made = await admin.post("/admin/keys", json={"name": "both", "team_id": team, "user_id": user, "permissions": carried})
    return str(made.json()["key"])


async def test_every_route_is_described(app: Litestar, client: Client) -> None:
    described = {re.sub(r"\{.*?\}", "{}", each.path) for each in await operations(client)}
    served = {re.sub(r"\{.*?\}", "{}", route.path) for route in app.routes}
    welcome = "/"  # says where to go, and nothing of anybody's
    rest = {each for each in served - described - {welcome} if not each.startswith(tuple(UNDESCRIBED))}
    assert not rest, "the OpenAPI document, which the others go by, must have them; or add them to UNDESCRIBED"


def test_a_route_that_nothing_is_known_of_is_not_passed_over() -> None:
    things = {"image_id": ["1"], "user_id": ["2", "3"]}
    odd = Operation("GET", "/v1/boards/{board_id}", ("board_id",), frozenset(), has_body=False)
    with pytest.raises(AssertionError, match="nothing is known of board_id"):
        list(odd.urls(things))
    with pytest.raises(AssertionError, match="add to BODIES"):
        odd._replace(has_body=True).asked()
    nested = odd._replace(path="/{image_id}/of/{user_id}", in_path=("image_id", "user_id"))
    assert list(nested.urls(things)) == ["/1/of/2", "/1/of/3"]
    assert {name for *_, name in odd._replace(elsewhere=frozenset({"id", "userIds", "image_id", "hidden"})).ids} == {
        "id", "userIds", "image_id",
    }  # fmt: skip


async def test_no_route_reaches_another_teams_things(teams: Teams, wiring: Wiring, subtests: pytest.Subtests) -> None:
    asked = [each for each in await operations(teams.owner) if each.in_path or each.exempt]
    before = await rows(wiring)
    for who, client in teams.others.items():
        for operation in asked:
            if operation.exempt and who == ADMINISTRATOR:
                continue
            with subtests.test(who=who, method=operation.method, path=operation.path):
                await _see_it_closed(client, operation, teams.things)
    assert await rows(wiring) == before

    for operation in sorted(asked, key=lambda each: (ORDER.index(each.method), each.path in LAST)):
        if not operation.exempt:
            with subtests.test(who="the team itself", method=operation.method, path=operation.path):
                url = next(operation.urls(teams.things))
                if first := FIRST.get((operation.method, operation.path)):
                    await teams.owner.request(first, url.rpartition("/")[0])
                answer = await teams.owner.request(operation.method, url, **operation.asked())
                assert answer.is_success, f"{url}: {answer.text}"


async def _see_it_closed(client: Client, operation: Operation, things: Things) -> None:
    """For every thing there is the answer that an id gets which nobody has."""
    for url in operation.urls(things):
        answer = await client.request(operation.method, url, **operation.asked())
        assert answer.status_code == (operation.exempt or 404), f"{url}: {answer.text}"
        if operation.exempt is None:
            (thing,) = [each for each in things[operation.in_path[-1]] if f"/{each}" in url]
            nobodys = await client.request(operation.method, url.replace(thing, NOBODYS), **operation.asked())
            assert told(answer, thing) == told(nobodys, thing)


async def test_no_list_shows_them_and_no_cursor_opens_it(teams: Teams, subtests: pytest.Subtests) -> None:
    published = teams.things["image_id"][-1]
    secret = {each for things in teams.things.values() for each in things} - {"quick", published} | {PROMPT, RECEIVER}
    for operation in await operations(teams.owner):
        if not operation.shows:
            continue
        hidden = secret if operation.path == PUBLIC else secret | {published}
        for who, client in teams.others.items():
            if who != ADMINISTRATOR or not operation.exempt:
                with subtests.test(who=who, path=operation.path):
                    answer = await _shown(client, operation)
                    assert not [each for each in hidden if each in answer.text], answer.text
                    if who == STRANGER and not operation.path.startswith((PUBLIC, *UNSTEADY)):
                        assert told(answer) == teams.before[operation.path]
        if "next" in operation.elsewhere and not operation.exempt and operation.path != PUBLIC:
            with subtests.test("cursor", path=operation.path):
                page = (await teams.owner.get(operation.path, params={"limit": 1})).json()
                cursor = page["next"] if "next" in page else page["data"]["next"]
                assert cursor, "let `furnish` make two of what this lists"
                for client in teams.others.values():
                    answer = await client.get(operation.path, params={"next": cursor})
                    assert answer.status_code == 422
                    assert [each["field"] for each in answer.json()["errors"]] == ["next"]


async def test_no_id_outside_of_paths_reaches_them(teams: Teams, wiring: Wiring, subtests: pytest.Subtests) -> None:
    asked = [each for each in await operations(teams.owner) if not each.exempt]
    named = {each for operation in asked for each in operation.ids}
    assert named == set(CARRIED) | set(EVERYONES_IDS), "CARRIED says how each is tried; EVERYONES_IDS, why one is not"
    uploads = [await client.post("/v1/uploads", files={"file": ("a.png", flat())}) for client in teams.others.values()]
    before = await rows(wiring)
    for (who, client), upload in zip(teams.others.items(), uploads, strict=True):
        own = upload.json()["artifact_id"]
        for (method, path, field), carried in CARRIED.items():
            for given in carried.sent:
                for thing in teams.things[carried.kind]:
                    with subtests.test(who=who, method=method, path=path, field=field, given=given):
                        url = path.replace("{image_id}", own)
                        answer = await client.request(method, url, **sent(given, thing=thing, own=own))
                        assert answer.status_code == carried.status, answer.text
                        nobodys = await client.request(method, url, **sent(given, thing=NOBODYS, own=own))
                        assert told(answer, thing) == told(nobodys, thing) or who == ADMINISTRATOR
    assert await rows(wiring) == before

    own = teams.things["image_id"][0]
    for (method, path, field), carried in CARRIED.items():
        thing = teams.things[carried.kind][0]
        for given in carried.sent:
            with subtests.test(who="the team itself", method=method, path=path, field=field, given=given):
                url = path.replace("{image_id}", own)
                answer = await teams.owner.request(method, url, **sent(given, thing=thing, own=own))
                assert answer.is_success or (answer.status_code, path) == (403, "/v1/me"), answer.text


async def test_bytes_that_are_served_before_the_framework(teams: Teams, subtests: pytest.Subtests) -> None:
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("HEAD", "", {}),
        ("GET", "/", {}),
        ("GET", "?download=1", {}),
        ("GET", "?size=768", {}),
        ("GET", "", {"Range": "bytes=0-0"}),
        ("GET", "", {"If-None-Match": "*"}),
    ]
    paths = [f"/v1/images/{image_id}/{kind}" for image_id in teams.things["image_id"] for kind in ("content", "thumbnail")]
    for who, client in teams.others.items():
        for method, more, headers in asked:
            for path in paths:
                with subtests.test(who=who, method=method, more=more, headers=headers):
                    url = path + more
                    assert (await client.request(method, url, headers=headers)).status_code == 404
                    assert (await teams.owner.request(method, url, headers=headers)).status_code in (200, 206, 304)


async def test_an_address_without_its_signature_is_not_taken_either(teams: Teams) -> None:
    image_id, (name,) = teams.things["image_id"][0], teams.things["name"]
    for path, code in ((f"{image_id}/content", "address_refused"), (f"{image_id}/content/{name}", "unfetchable_url")):
        picture = {"type": "url", "url": f"http://darkroom.test/v1/images/{path}"}
        body = {"prompt": "a", "model": "edit", "image": picture}
        answer = await teams.others[STRANGER].post("/v1/images/image-to-image", json=body)
        assert problem(answer, 422, code)["errors"][0]["field"] == "image.url"
        studios = {"prompt": "a", "modelVersion": "edit", "refImageUrls": [picture["url"]]}
        assert (await teams.others[STRANGER].post("/v0/images/generations", json=studios)).status_code == 422


async def test_the_same_idempotency_key_in_another_team_is_another(teams: Teams) -> None:
    takers = {each.path for each in await operations(teams.owner) if "Idempotency-Key" in each.elsewhere}
    assert takers == {*REPEATED, RETRY}, "add to REPEATED what it is sent"
    stranger = teams.others[STRANGER]
    upload = (await stranger.post("/v1/uploads", files={"file": ("a.png", flat())})).json()["artifact_id"]
    session = (await stranger.post(f"/v1/images/{upload}/open-in-chat")).json()["id"]
    mine = {name: teams.things[name][0] for name in ("image_id", "session_id")}
    theirs = {"image_id": upload, "session_id": session}
    for path, given in REPEATED.items():
        made = []
        says = given.get("says", "prompt")
        more = {name: given[name] for name in ("params", "files") if name in given}
        for client, own, prompt in ((teams.owner, mine, "a"), (stranger, theirs, "b"), (stranger, theirs, "b")):
            named = {given["names"]: [own["image_id"]]} if "names" in given else {says: _said(says, prompt)}
            body = {**given.get("json", {}), **named}
            sent = {"data": {**given["form"], says: prompt}} if "form" in given else {"json": body}
            answer = await client.post(path.format(**own), **sent, **more, headers={"Idempotency-Key": path})
            assert answer.is_success, answer.text
            made.append(_job(answer))
        assert made[0] != made[1] == made[2]
    await stranger.post(f"/v1/tasks/{made[1]}/cancel")
    retries = [(teams.owner, teams.things["task_id"][0]), (stranger, made[1])]
    again = [await client.post(RETRY.format(task_id=task), headers={"Idempotency-Key": "r"}) for client, task in retries]
    assert len({_job(answer) for answer in again}) == 2


def _said(says: str, prompt: str) -> object:
    if says == "params":
        return {"name": "generate_image", "arguments": {"prompt": prompt, "wait": False}}
    return [{"role": "user", "content": prompt}] if says == "messages" else prompt


def _job(answer: httpx.Response) -> str:
    if job := answer.headers.get("x-darkroom-task"):
        return str(job)
    if answer.headers["content-type"].startswith("text/event-stream"):
        return re.findall(r'job_id\\":\\"([0-9a-f-]+)', answer.text)[0]
    body = answer.json()
    if isinstance(body, list):
        return str(body[0]["url"])
    body = body.get("data") or body.get("answer") or body
    return str(body.get("task_id") or body.get("job_id") or body["id"])


async def test_a_session_goes_into_no_team_of_others(
    teams: Teams, client: Client, stranger: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    who = {"email": "cat@example.org", "password": "correct horse battery"}
    await client.post("/admin/users", json={"name": "cat", **who})
    await teams.others[STRANGER].post("/v1/team/members", json={"email": who["email"], "role": "owner"})
    signed_in = (await stranger.post("/v1/session", json=who)).json()
    stranger.headers[CSRF_HEADER] = signed_in["csrf_token"]
    (team,) = teams.things["team_id"]
    answers = [await stranger.patch("/v1/me", json={"team_id": each}) for each in (team, NOBODYS)]
    assert answers[0].status_code == 404
    assert told(answers[0], team) == told(answers[1], team)
    assert (await stranger.get("/v1/me")).json()["team"] == signed_in["team"]
    for image_id in teams.things["image_id"]:
        for path in ("", "/content", "/thumbnail"):
            assert (await stranger.get(f"/v1/images/{image_id}{path}")).status_code == 404
