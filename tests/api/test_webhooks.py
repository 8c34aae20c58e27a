"""/v1/webhooks, and the calls that follow a task's end, over a whole gateway and a made-up Internet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar
from standardwebhooks.webhooks import Webhook as Receiver

from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import ADMIN_KEY, anyone, bearer, create_app, finished, generate, member_key, problem
from tests.fakes.web import Web, ok

PATH = "/v1/webhooks"
URL = "http://receiver.example/hook"
INSIDE = "http://inside.example/hook"
BROKEN = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as web:
        web.lead("inside.example", ["10.1.2.3"])
        web.lead("receiver.example", ["93.184.216.34"])
        yield web


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


async def add(client: httpx.AsyncClient, url: str = URL, **more: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={"url": url, **more})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def deliveries(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    response = await client.get(f"{PATH}/deliveries", params=query)
    assert response.status_code == 200, response.text
    return list(response.json()["data"])


async def settled(client: httpx.AsyncClient, state: str, attempts: int = 1) -> dict[str, Any]:
    """The one delivery, as soon as it is in this state."""
    async with asyncio.timeout(20):
        while True:
            found = await deliveries(client)
            if found and found[0]["state"] == state and found[0]["attempts"] >= attempts:
                (only,) = found
                return only
            await asyncio.sleep(0.02)


async def test_a_webhook_is_made_shown_changed_and_removed(client: httpx.AsyncClient) -> None:
    made = await add(client, events=["task.failed"], description="pager")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made == {
        "id": made["id"],
        "url": URL,
        "events": ["task.failed"],
        "description": "pager",
        "active": True,
        "problem": None,
        "secret_changed_at": None,
        "created_at": made["created_at"],
    }
    assert (await client.get(PATH)).json() == {"data": [made]}
    one = f"{PATH}/{made['id']}"
    assert (await client.get(one)).json() == made
    changed = await client.patch(one, json={"active": False})
    assert changed.status_code == 200
    assert changed.json() == {**made, "active": False}
    renewed = await client.post(f"{one}/secret")
    assert renewed.status_code == 200
    assert renewed.json()["secret"] not in ("", secret)
    assert (await client.get(one)).json()["secret_changed_at"] is not None
    assert (await client.delete(one)).status_code == 204
    problem(await client.get(one), 404, "not_found")


async def test_a_finished_task_calls_it_with_the_tasks_envelope(client: httpx.AsyncClient, web: Web) -> None:
    await web.serve(ok(b""), "receiver.example")
    secret = (await add(client))["secret"]
    task = await generate(client, "แมว 🐈")
    kept = await settled(client, "delivered")
    (asked,) = web.asked
    told = Receiver(secret).verify(asked.body, asked.headers)
    assert told["type"] == "task.succeeded"
    assert told["data"] == task
    assert asked.headers["webhook-id"] == kept["id"]
    assert asked.headers["content-type"] == "application/json"
    assert kept == {
        **kept,
        "webhook_id": kept["webhook_id"],
        "task_id": task["task_id"],
        "event": "task.succeeded",
        "url": URL,
        "attempts": 1,
        "last_status": 200,
        "last_error": None,
        "next_attempt_at": None,
    }
    assert (await client.get(f"{PATH}/deliveries/{kept['id']}")).json() == kept


async def test_a_request_may_name_an_address_of_its_own(client: httpx.AsyncClient, web: Web) -> None:
    await web.serve(ok(b""), "receiver.example")
    secret = (await client.post(f"{PATH}/secret")).json()["secret"]
    task = await generate(client, webhook={"url": URL})
    assert (await settled(client, "delivered"))["webhook_id"] is None
    (asked,) = web.asked
    assert Receiver(secret).verify(asked.body, asked.headers)["data"]["task_id"] == task["task_id"]


@pytest.mark.parametrize("state", ["failed", "canceled"])
async def test_it_is_told_of_other_ends_too(client: httpx.AsyncClient, web: Web, state: str) -> None:
    await web.serve(ok(b""), "receiver.example")
    await add(client)
    body = {"prompt": "a", "model": "broken" if state == "failed" else "stuck"}
    task_id = (await client.post("/v1/images/generations", json=body)).json()["task_id"]
    if state == "canceled":
        await client.post(f"/v1/tasks/{task_id}/cancel")
    await finished(client, task_id)
    await settled(client, "delivered")
    told = json.loads(web.asked[0].body)
    assert (told["type"], told["data"]["status"]) == (f"task.{state}", state)


async def test_what_fails_can_be_seen_and_sent_again(client: httpx.AsyncClient, web: Web) -> None:
    await web.serve(BROKEN, "receiver.example")
    await generate(client, webhook={"url": URL})
    kept = await settled(client, "pending")
    assert (kept["last_status"], kept["last_error"]) == (500, "The receiver answered 500.")
    assert kept["next_attempt_at"] > kept["created_at"]
    again = await client.post(f"{PATH}/deliveries/{kept['id']}/redeliver")
    assert again.status_code == 202
    assert (again.json()["id"], again.json()["attempts"]) == (kept["id"], 0)
    await settled(client, "pending")
    assert {asked.headers["webhook-id"] for asked in web.asked} == {kept["id"]}
    assert len(web.asked) == 2
    assert await deliveries(client, state="dead") == []
    assert await deliveries(client, state="pending", task_id=kept["task_id"]) == [(await deliveries(client))[0]]
    assert await deliveries(client, webhook_id="none") == []


async def test_the_list_has_a_cursor(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await generate(client, webhook={"url": URL})
    first = (await client.get(f"{PATH}/deliveries", params={"limit": 2})).json()
    second = (await client.get(f"{PATH}/deliveries", params={"limit": 2, "next": first["next"]})).json()
    assert (len(first["data"]), len(second["data"]), second["next"]) == (2, 1, None)
    problem(await client.get(f"{PATH}/deliveries", params={"next": "zzz"}), 422, "invalid_request")


async def test_a_private_receiver_needs_the_operators_leave(client: httpx.AsyncClient, web: Web, wiring: Wiring) -> None:
    told = problem(await client.post(PATH, json={"url": "http://10.1.2.3/"}), 422, "address_refused")
    assert "[settings.webhooks] allow" in told["detail"]
    await generate(client, webhook={"url": INSIDE})
    kept = await settled(client, "pending")
    assert "[settings.webhooks] allow" in kept["last_error"]
    assert "10.1.2.3" not in kept["last_error"]
    assert web.connected == []

    await web.serve(ok(b""), "inside.example", at="10.1.2.3")
    models = wiring.models_path
    models.write_text('[settings.webhooks]\nallow = ["10.1.0.0/16"]\n' + models.read_text())
    async with asyncio.timeout(20):
        while (await client.post(PATH, json={"url": INSIDE})).status_code != 201:
            await asyncio.sleep(0.1)
    await client.post(f"{PATH}/deliveries/{kept['id']}/redeliver")
    await settled(client, "delivered")


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "url", "is missing"),
    ({"url": "receiver.example"}, "url", "http"),
    ({"url": "file:///etc/passwd"}, "url", "http"),
    ({"url": "http://me:pw@receiver.example/"}, "url", "password"),
    ({"url": "http://nowhere.example/"}, "url", "nowhere.example"),
    ({"url": URL, "events": []}, "events", "events"),
    ({"url": URL, "events": ["task.succeded"]}, "events[0]", "task.succeeded"),
    ({"url": URL, "secret": "mine"}, "secret", "not known"),
    ({"url": URL, "description": "x" * 501}, "description", "500"),
]


async def test_what_is_wrong_with_a_webhook_is_told(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for body, field, words in WRONG:
        with subtests.test(body=body):
            response = await client.post(PATH, json=body)
            assert response.status_code == 422, response.text
            told = response.json()
            assert told["errors"][0]["field"] == field
            assert words in told["detail"]
    assert (await client.get(PATH)).json() == {"data": []}


async def test_only_administrators_are_told_which_names_there_are(
    client: httpx.AsyncClient, app: Litestar, wiring: Wiring, web: Web
) -> None:
    """To others a name of the operator's network and one that nobody has sound alike."""
    web.lead("inside.example", ["10.1.2.3"])
    nowhere = INSIDE.replace("inside", "nowhere")
    inside = problem(await client.post(PATH, json={"url": INSIDE}), 422, "address_refused")
    assert "[settings.webhooks] allow" in inside["detail"]
    assert (
        "nowhere.example does not resolve"
        in problem(await client.post(PATH, json={"url": nowhere}), 422, "unfetchable_url")["detail"]
    )
    async with anyone(app, bearer(await member_key(wiring, team="third", role="owner"))) as owner:
        theirs, unknown = [
            problem(await owner.post(PATH, json={"url": url}), 422, "address_refused")["detail"] for url in (INSIDE, nowhere)
        ]
    assert theirs.replace("inside.", "nowhere.") == unknown


async def test_what_is_wrong_with_a_requests_address_is_told_and_nothing_is_queued(client: httpx.AsyncClient) -> None:
    body = {"prompt": "a", "webhook": {"url": "gopher://receiver.example/"}}
    response = await client.post("/v1/images/generations", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "webhook.url"
    assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_only_owners_come_here_and_only_to_their_own(client: httpx.AsyncClient, app: Litestar, wiring: Wiring) -> None:
    made = await add(client)
    await generate(client, webhook={"url": URL})
    kept = (await deliveries(client))[0]
    calls = [
        ("GET", PATH, None),
        ("POST", PATH, {"url": URL}),
        ("GET", f"{PATH}/{made['id']}", None),
        ("PATCH", f"{PATH}/{made['id']}", {"active": False}),
        ("POST", f"{PATH}/{made['id']}/secret", None),
        ("DELETE", f"{PATH}/{made['id']}", None),
        ("POST", f"{PATH}/secret", None),
        ("GET", f"{PATH}/deliveries", None),
        ("GET", f"{PATH}/deliveries/{kept['id']}", None),
        ("POST", f"{PATH}/deliveries/{kept['id']}/redeliver", None),
    ]
    async with anyone(app, bearer(await member_key(wiring))) as member:
        for method, path, body in calls:
            problem(await member.request(method, path, json=body), 403, "forbidden")
    async with anyone(app, bearer(await member_key(wiring, team="third", role="owner"))) as owner:
        for method, path, body in calls:
            if made["id"] in path or kept["id"] in path:
                problem(await owner.request(method, path, json=body), 404, "not_found")
        assert (await owner.get(PATH)).json() == {"data": []}
        assert await deliveries(owner) == []
        await add(owner)
    assert [each["id"] for each in (await client.get(PATH)).json()["data"]] == [made["id"]]


async def test_what_was_owed_at_the_end_is_sent_at_the_next_start(make_app: Callable[[], Litestar], web: Web) -> None:
    """No call was made before the end: nobody listened there."""
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        task = await generate(client, webhook={"url": URL})
        await settled(client, "pending")
    await web.serve(ok(b""), "receiver.example")
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        kept = await settled(client, "delivered", attempts=2)
    assert json.loads(web.asked[0].body)["data"]["task_id"] == task["task_id"]
    assert web.asked[0].headers["webhook-id"] == kept["id"]
