"""Chat sessions where no language model is configured: each message is an edit of what the one before made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import update

from gateway.chat.tables import chat_messages
from gateway.db import Database, across_teams, new_id
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, anyone, bearer, finished, generate, member_key, problem

Json = dict[str, Any]
SESSIONS = "/v1/chat/sessions"


async def opened(client: httpx.AsyncClient, prompt: str = "a red  circle", **body: Any) -> Json:
    """A session about a new picture."""
    task = await generate(client, prompt, **body)
    answer = await client.post(f"/v1/images/{task['output']['images'][0]['artifact_id']}/open-in-chat")
    assert answer.status_code == 201, answer.text
    session: Json = answer.json()
    return session


async def say(client: httpx.AsyncClient, session: Json, text: str = "make it blue", **more: Any) -> httpx.Response:
    return await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": text}, **more)


async def answered(client: httpx.AsyncClient, session: Json, text: str = "make it blue") -> Json:
    """Say it, wait for its job, and the answer as it is then."""
    both = await say(client, session, text)
    assert both.status_code == 202, both.text
    assert both.json()["answer"]["state"] == "working"
    await finished(client, both.json()["answer"]["job_id"])
    return (await history(client, session))[0]


async def history(client: httpx.AsyncClient, session: Json) -> list[Json]:
    """Newest first."""
    found: list[Json] = (await client.get(f"{SESSIONS}/{session['id']}/messages")).json()["data"]
    return found


async def current(client: httpx.AsyncClient, session: Json) -> Json:
    told: Json = (await client.get(f"{SESSIONS}/{session['id']}")).json()
    return told


async def test_a_session_is_about_its_picture(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    assert set(session) == {
        "id", "gallery_image_id", "image_id", "image", "edit_session_id", "title", "created_at", "updated_at",
    }  # fmt: skip
    assert session["gallery_image_id"] == session["image_id"] == session["image"]["id"]
    assert (session["title"], session["edit_session_id"]) == ("a red circle", None)
    assert await current(client, session) == session
    assert await history(client, session) == []


async def test_each_message_goes_on_from_what_the_one_before_made(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    first = await answered(client, session, "make it blue")
    assert (first["role"], first["state"], first["error"], first["tool"]) == ("assistant", "done", None, None)
    now = await current(client, session)
    assert now["image_id"] == first["image_id"] == first["image"]["id"] != session["image_id"]
    assert now["gallery_image_id"] == session["gallery_image_id"]
    second = await answered(client, session, "make it larger")
    page = (await client.get(f"/v1/images/{second['image_id']}")).json()
    assert (page["parent"]["id"], page["prompt"]) == (first["image_id"], "make it larger")
    assert page["edit_session_id"] == (await current(client, session))["edit_session_id"] == now["edit_session_id"] is not None
    told = [(each["role"], each["text"]) for each in await history(client, session)]
    assert told == [("assistant", ""), ("user", "make it larger"), ("assistant", ""), ("user", "make it blue")]


async def test_one_message_at_a_time(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    await edits_with(client, "stuck")
    both = await asyncio.gather(*(say(client, session) for _ in range(4)))
    assert sorted(each.status_code for each in both) == [202, 409, 409, 409]
    job_id = next(each for each in both if each.status_code == 202).json()["answer"]["job_id"]
    await client.post(f"/v1/tasks/{job_id}/cancel")
    await edits_with(client, None)
    assert (await answered(client, session))["state"] == "done"


@pytest.mark.parametrize("model", ["broken", "stuck"])
async def test_a_job_that_comes_to_nothing_leaves_the_session_usable(client: httpx.AsyncClient, model: str) -> None:
    session = await opened(client)
    await edits_with(client, model)
    both = (await say(client, session)).json()
    if model == "stuck":
        await client.post(f"/v1/tasks/{both['answer']['job_id']}/cancel")
    await finished(client, both["answer"]["job_id"])
    failed = (await history(client, session))[0]
    assert (failed["state"], failed["image"]) == ("failed", None)
    assert failed["error"]["code"] == {"broken": "model_unusable", "stuck": "canceled"}[model]
    assert (await current(client, session))["image_id"] == session["image_id"]
    await edits_with(client, None)
    assert (await answered(client, session))["state"] == "done"


async def edits_with(client: httpx.AsyncClient, model: str | None) -> None:
    assert (await client.patch("/admin/settings", json={"gallery": {"edit_model": model}})).is_success


async def test_what_is_refused_was_not_said(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    for text, field in ((" ", "text"), ("refuse me", "text"), ("", "text")):
        told = problem(await say(client, session, text), 422, "invalid_request")
        assert told["errors"][0]["field"] == field
    assert (await client.post(f"{SESSIONS}/{session['id']}/messages", json={"words": "a"})).status_code == 422
    assert await history(client, session) == []
    assert (await answered(client, session))["state"] == "done"


async def test_who_cannot_pay_is_told_so(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    await client.patch("/admin/settings", json={"credits": {"enabled": True}})
    problem(await say(client, session), 402, "insufficient_credits")
    assert await history(client, session) == []


async def test_a_picture_in_the_trash_is_not_talked_about(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    assert (await client.delete(f"/v1/images/{session['image_id']}")).is_success
    problem(await client.post(f"/v1/images/{session['image_id']}/open-in-chat"), 409, "wrong_state")
    problem(await say(client, session), 409, "wrong_state")
    now = await current(client, session)
    assert (now["image_id"], now["image"]) == (session["image_id"], None)
    await client.post(f"/v1/images/{session['image_id']}/restore")
    assert (await answered(client, session))["state"] == "done"


async def test_a_picture_that_is_gone_for_good_is_not_talked_about_and_what_was_said_stays(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    made = await answered(client, session)
    assert (await client.delete(f"/v1/images/{made['image_id']}")).is_success
    assert (await client.delete(f"/v1/images/{made['image_id']}/forever")).is_success
    told = problem(await say(client, session), 409, "wrong_state")
    assert "open another one" in told["detail"]
    assert [each["text"] for each in await history(client, session)] == ["", "make it blue"]
    assert (await current(client, session))["image"] is None


async def test_the_last_that_was_said_is_when_a_session_changed(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    await edits_with(client, "stuck")
    assert (await say(client, session)).status_code == 202
    assert (await current(client, session))["updated_at"] > session["updated_at"]


async def test_the_same_key_says_it_once(client: httpx.AsyncClient) -> None:
    session, header = await opened(client), {"Idempotency-Key": "k"}
    one = (await say(client, session, headers=header)).json()
    await finished(client, one["answer"]["job_id"])
    two = (await say(client, session, headers=header)).json()
    assert (one["message"], one["answer"]["job_id"]) == (two["message"], two["answer"]["job_id"])
    assert len(await history(client, session)) == 2
    problem(await say(client, session, "another", headers=header), 409, "idempotency_conflict")
    other = await opened(client)
    problem(await say(client, other, headers=header), 409, "idempotency_conflict")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_same_key_at_once_is_one_job_that_each_is_told(client: httpx.AsyncClient) -> None:
    session, header = await opened(client), {"Idempotency-Key": "k"}
    answers = await asyncio.gather(*(say(client, session, headers=header) for _ in range(4)))
    jobs = {answer.json()["answer"]["job_id"] for answer in answers}
    assert (len(jobs), None in jobs) == (1, False)
    refused = {"Idempotency-Key": "no"}
    await finished(client, jobs.pop())
    answers = await asyncio.gather(*(say(client, session, "refuse me", headers=refused) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {422}


async def test_a_refused_key_is_not_remembered(client: httpx.AsyncClient) -> None:
    session, header = await opened(client), {"Idempotency-Key": "k"}
    assert (await say(client, session, "refuse me", headers=header)).status_code == 422
    assert (await say(client, session, "another", headers=header)).status_code == 202


async def test_the_answer_as_a_stream(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    answer = await say(client, session, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    kinds = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert kinds == ["message", "done"]
    (done,) = await _working(client, session)
    await finished(client, done["job_id"])
    told = await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "refuse me", "stream": True})
    problem(told, 422, "invalid_request")


async def _working(client: httpx.AsyncClient, session: Json) -> list[Json]:
    return [each for each in await history(client, session) if each["job_id"]]


async def test_lists_and_pages(client: httpx.AsyncClient) -> None:
    sessions = [await opened(client, f"number {number}") for number in range(3)]
    first = (await client.get(SESSIONS, params={"limit": 2})).json()
    rest = (await client.get(SESSIONS, params={"limit": 2, "next": first["next"]})).json()
    assert [each["id"] for each in first["data"] + rest["data"]] == [each["id"] for each in sessions[::-1]]
    assert rest["next"] is None
    assert (await client.get(SESSIONS, params={"mine": True})).json()["data"][0]["image"]["prompt"] == "number 2"
    await answered(client, sessions[0])
    path = f"{SESSIONS}/{sessions[0]['id']}/messages"
    page = (await client.get(path, params={"limit": 1})).json()
    assert (page["data"][0]["role"], page["limit"]) == ("assistant", 1)
    assert (await client.get(path, params={"limit": 1, "next": page["next"]})).json()["data"][0]["role"] == "user"
    problem(await client.get(f"{SESSIONS}/{sessions[1]['id']}/messages", params={"next": page["next"]}), 422, "invalid_request")


async def test_a_deleted_session_is_gone_and_its_pictures_stay(client: httpx.AsyncClient) -> None:
    session = await opened(client)
    made = await answered(client, session)
    assert (await client.delete(f"{SESSIONS}/{session['id']}")).status_code == 204
    for answer in (await client.get(f"{SESSIONS}/{session['id']}"), await say(client, session)):
        problem(answer, 404, "not_found")
    assert (await client.get(f"/v1/images/{made['image_id']}")).status_code == 200


async def test_who_only_reads(app: Litestar, client: httpx.AsyncClient, wiring: Wiring) -> None:
    key = await member_key(wiring, "gallery.read", team="readers")
    async with anyone(app, bearer(key)) as reader:
        assert (await reader.get(SESSIONS)).json()["data"] == []
        problem(await reader.post("/v1/images/x/open-in-chat"), 403, "forbidden")
        problem(await reader.post(f"{SESSIONS}/x/messages", json={"text": "a"}), 403, "forbidden")
        problem(await reader.delete(f"{SESSIONS}/x"), 403, "forbidden")


async def test_a_restart_goes_on_where_it_was(make_app: Callable[[], Litestar], wiring: Wiring) -> None:
    """One answer's job is found again, though the gateway died between queueing and noting it; another was never made."""
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        lost, never, whole = [await opened(client) for _ in range(3)]
        both = (await say(client, lost)).json()
        await finished(client, both["answer"]["job_id"])
        other = (await say(client, never)).json()
        await finished(client, other["answer"]["job_id"])
        made = (await say(client, whole)).json()
        await finished(client, made["answer"]["job_id"])
    db = Database(wiring.database)
    async with db.write() as connection:
        change = across_teams(update(chat_messages))
        for each in (both, other):
            forget = change.where(chat_messages.c.id == each["answer"]["id"])
            await connection.execute(forget.values(job_id=None, state="working", image_id=None))
        changed = change.where(chat_messages.c.id == other["answer"]["id"])
        await connection.execute(changed.values(id=new_id()))
    await db.close()
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        found = (await history(client, lost))[0]
        assert (found["state"], found["job_id"]) == ("done", both["answer"]["job_id"])
        assert (await current(client, lost))["image_id"] == found["image_id"]
        assert (await history(client, whole))[0]["state"] == "done"
        told = next(each for each in await history(client, never) if each["role"] == "assistant")
        assert (told["state"], told["error"]["code"]) == ("failed", "interrupted")
        assert (await answered(client, never))["state"] == "done"
