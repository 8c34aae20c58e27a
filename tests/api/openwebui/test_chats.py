"""Pictures for messages of a chat: linked by `metadata`, and listed by the chat. On both databases."""

from __future__ import annotations

import httpx
from sqlalchemy import func, select

from gateway.chat.tables import chat_links
from gateway.db import Database, across_teams
from gateway.wiring import Wiring
from tests.api.openwebui.asking import EDIT, FILES, MAKE, file, made


async def test_chats_are_linked_with_their_pictures(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    chat = {"chat_id": "chat-1", "message_id": "message-1", "session_id": "s", "more": {"deep": [1, None]}}
    (first,) = await made(client, metadata=chat)
    (second,) = await made(client, EDIT, image=first, metadata={**chat, "message_id": "message-2"})
    (_third,) = await made(client, metadata={"chat_id": "chat-2"})
    assert (await file(client, first))["meta"]["data"] | chat == (await file(client, first))["meta"]["data"]

    async def listed(who: httpx.AsyncClient, **query: str) -> tuple[list[str], int]:
        told = (await who.get(f"{FILES}/", params=query)).json()
        return [each["id"] for each in told["items"]], told["total"]

    assert await listed(client, chat_id="chat-1") == ([second, first], 2)
    assert await listed(client, chat_id="chat-1", message_id="message-1") == ([first], 1)
    assert await listed(client, chat_id="chat-2") == ([], 0), "a chat without a message is kept with the file alone"
    assert await listed(other_team, chat_id="chat-1") == ([], 0)
    await client.delete(f"{FILES}/{second}")
    assert await listed(client, chat_id="chat-1") == ([first], 1)


async def test_what_came_to_nothing_is_no_messages(client: httpx.AsyncClient, wiring: Wiring) -> None:
    chat = {"chat_id": "chat-1", "message_id": "message-1"}
    assert (await client.post(MAKE, json={"prompt": "a", "model": "broken", "metadata": chat})).status_code >= 400
    assert await linked(wiring) == 0
    (image,) = await made(client, metadata=chat)
    assert await linked(wiring) == 1
    await client.delete(f"{FILES}/{image}")
    assert await linked(wiring) == 1, "it may be restored"
    await client.delete(f"/v1/images/{image}/forever")
    assert await linked(wiring) == 0


async def linked(wiring: Wiring) -> int:
    """How many messages' pictures are known, of all chats."""
    db = Database(wiring.database)
    async with db.read() as connection:
        count = (await connection.execute(across_teams(select(func.count()).select_from(chat_links)))).scalar_one()
    await db.close()
    return int(count)
