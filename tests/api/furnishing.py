"""What a team has that another must not reach, and all that the database holds of it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from sqlalchemy import select

from gateway.db import Database, across_teams, metadata
from gateway.wiring import Wiring
from tests.api.house import finished, generate
from tests.api.pictures import flat

Json = dict[str, Any]
Things = dict[str, list[str]]
"""The name of a path's parameter -> ids of that kind, of things in every state; of the first one most can be asked."""
PROMPT = "vermilion walrus"
RECEIVER = "http://receiver.example/hook"


async def furnish(owner: httpx.AsyncClient, admin: httpx.AsyncClient) -> Things:
    """Let the team have two of all that a list pages through, and a task in every state."""
    me = (await owner.get("/v1/me")).json()
    viewer = await _made(admin, "/admin/users", name="viewer", email="viewer@example.org")
    await _made(owner, "/v1/team/members", user_id=viewer["id"], role="viewer")
    key = await _made(owner, "/v1/team/keys", name="spare", permissions=["gallery.read"])
    webhook = await _made(owner, "/v1/webhooks", url=RECEIVER)
    presets = [(await _made(owner, "/v0/presets", name=name, promptTemplate=PROMPT))["data"]["id"] for name in ("a", "b")]
    await owner.patch(f"/v0/presets/{presets[0]}", json={"negativePrompt": "blur"})
    await owner.put("/v0/default-model", json={"modelVersion": "quick"})
    await _made(admin, f"/admin/teams/{me['team']['id']}/credits", amount="1234.5", reason="a gift")
    failed, done = await generate(owner, PROMPT, model="broken"), await generate(owner, PROMPT)
    body = {"presetId": presets[0], "resolution": "low", "isPublic": True}
    studio = (await owner.post("/v0/images/generations", json=body)).json()["data"]
    linked = {"prompt": PROMPT, "metadata": {"chat_id": "a chat", "message_id": "a message"}}
    assert (await owner.post("/api/images/generations", json=linked)).is_success
    response = (await owner.post("/openai/v1/responses", json={"model": "quick", "input": PROMPT})).json()
    upload = (await owner.post("/v1/uploads", files={"file": ("a.png", flat())})).json()["artifact_id"]
    for _ in range(2):
        trashed = (await owner.post("/v1/uploads", files={"file": ("b.png", flat())})).json()["artifact_id"]
        assert (await owner.delete(f"/v1/images/{trashed}")).is_success
    (made,) = done["output"]["images"]
    assert (await owner.post(f"/v1/images/{made['artifact_id']}/share")).is_success
    edited = (await owner.post(f"/v1/images/{made['artifact_id']}/edit", json={"prompt": PROMPT})).json()
    await finished(owner, edited["job_id"])
    sessions = [(await _made(owner, f"/v1/images/{made['artifact_id']}/open-in-chat"))["id"] for _ in range(2)]
    said = (await owner.post(f"/v1/chat/sessions/{sessions[0]}/messages", json={"text": PROMPT})).json()
    await finished(owner, said["answer"]["job_id"])
    export = (await owner.post("/v1/images/bulk/export", json={"ids": [made["artifact_id"]]})).json()["job_id"]
    await finished(owner, export)
    deliveries = await _delivered(owner, 8)
    running = (await owner.post("/v1/images/generations", json={"prompt": PROMPT, "model": "stuck"})).json()["task_id"]
    await finished(owner, running, ("running",))
    queued = (await owner.post("/v1/images/generations", json={"prompt": PROMPT})).json()
    assert queued["status"] == "queued"
    tasks = [failed["task_id"], done["task_id"], running, queued["task_id"], studio["id"]]
    return {
        "team_id": [me["team"]["id"]],
        "user_id": [viewer["id"]],
        "key_id": [key["id"], me["key"]["id"]],
        "task_id": tasks,
        "job_id": [export, *tasks],
        "image_id": [made["artifact_id"], upload, studio["data"][0]["id"]],
        "name": [made["url"].partition("?")[0].rpartition("/")[2]],
        "preset_id": presets,
        "webhook_id": [webhook["id"]],
        "delivery_id": deliveries,
        "model_id": ["quick"],
        "session_id": sessions,
        "edit_session_id": [edited["edit_session_id"]],
        "response_id": [response["id"]],
        "call_id": [response["output"][0]["id"]],
        "chat_id": ["a chat"],
        "message_id": ["a message"],
    }


async def _made(client: httpx.AsyncClient, path: str, **body: Any) -> Json:
    response = await client.post(path, json=body)
    assert response.status_code == 201, response.text
    made: Json = response.json()
    return made


async def _delivered(owner: httpx.AsyncClient, count: int) -> list[str]:
    """The ids of so many calls, once none of them is owed any more."""
    async with asyncio.timeout(20):
        while True:
            found = (await owner.get("/v1/webhooks/deliveries", params={"state": "delivered"})).json()["data"]
            if len(found) == count:
                return [each["id"] for each in found]
            await asyncio.sleep(0.02)


async def rows(wiring: Wiring) -> dict[str, list[str]]:
    """All that the database holds, but for when keys were last used."""
    db = Database(wiring.database)
    kept = {}
    async with db.read() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.c if column.name != "last_used_at"]
            kept[table.name] = sorted(map(repr, await connection.execute(across_teams(select(*columns)))))
    await db.close()
    return kept
