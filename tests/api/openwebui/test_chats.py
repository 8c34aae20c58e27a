"""Pictures for messages of a chat: linked by `metadata`, and listed by the chat. On both databases."""

from __future__ import annotations

import httpx

from tests.api.openwebui.asking import EDIT, FILES, file, made


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
