"""The fake against the recording, message by message: whatever the engine is tested with is what a real server says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.engines.comfyui import recorded
from tests.fakes.comfyui import FakeComfy
from tests.fakes.serving import served

FEATURES = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


@pytest.mark.parametrize("at", range(len(recorded.exchanges("04", "/prompt"))))
async def test_it_refuses_what_was_refused_in_the_same_words(at: int) -> None:
    asked, answered = recorded.exchanges("04", "/prompt")[at]
    if asked["body"] == "<raw>":
        asked["body"] = "{not json"
    async with served(FakeComfy(), sockets=True) as url, httpx.AsyncClient(base_url=url) as client:
        sent = asked["body"] if isinstance(asked["body"], str) else json.dumps(asked["body"])
        answer = await client.post("/prompt", content=sent)
    assert answer.status_code == answered["status"]
    assert answer.headers["content-type"] == answered["content_type"]
    if not isinstance(answered["body"], dict):
        assert answer.text == answered["body"]
        return
    assert _essence(answer.json()) == _essence(answered["body"])


def _essence(body: dict[str, Any]) -> Any:
    """Without ids, and without lists that are as long as what is installed."""
    told = body.get("error") or {}
    nodes = {
        id_: (each["class_type"], each["dependent_outputs"], sorted(_error(one) for one in each["errors"]))
        for id_, each in body["node_errors"].items()
    }
    return told.get("type"), nodes, sorted(set(body) - {"prompt_id", "number"})


def _error(error: dict[str, Any]) -> Any:
    inner = error["type"] == "exception_during_inner_validation"  # tells of the input where it noticed
    return error["type"], error["message"], "" if inner else str(error["extra_info"].get("input_name"))


@pytest.mark.parametrize("name", ["01", "02", "03"])
async def test_its_messages_are_those_that_were_heard(name: str) -> None:
    first, wanted = recorded.exchanges("01", "/prompt")[0][0]["body"], recorded.exchanges(name, "/prompt")[0][0]["body"]
    async with served(FakeComfy(), sockets=True) as url, httpx.AsyncClient(base_url=url) as client:
        if name != "01":
            await _heard(url, client, first, newer=False)
        spoken = await _heard(url, client, wanted, newer=name == "03")
    expected = _shapes(recorded.heard(name))
    assert _about_nodes(spoken) == _about_nodes(expected)
    assert _frame_of(spoken) == _frame_of(expected)


async def _heard(url: str, client: httpx.AsyncClient, body: dict[str, Any], *, newer: bool) -> list[Any]:
    found: list[Any] = []
    async with connect(f"{url.replace('http', 'ws')}/ws?clientId={body['client_id']}") as socket:
        if newer:
            await socket.send(json.dumps(FEATURES))
            while len(found) < 2:
                found.append(json.loads(await socket.recv()))
        assert (await client.post("/prompt", json=body)).status_code == 200
        while True:
            async with asyncio.timeout(5):
                message = await socket.recv()
            found.append(message if isinstance(message, bytes) else json.loads(message))
            if isinstance(found[-1], dict) and found[-1]["type"] == "executing" and found[-1]["data"]["node"] is None:
                return _shapes(found)


def _shapes(messages: list[Any]) -> list[Any]:
    """Type, node, keys; of a frame its kind and what it is about."""
    found: list[Any] = []
    for message in messages:
        if isinstance(message, bytes):
            newer = message[3] == 4
            about = json.loads(message[8 : 8 + int.from_bytes(message[4:8], "big")]) if newer else {}
            found.append(("frame", about.get("node_id"), message[3], tuple(sorted(about))))
        else:
            data = message["data"]
            value = (data.get("value"), data.get("max"), tuple(sorted(data.get("nodes", ()))))
            found.append((message["type"], data.get("node"), tuple(sorted(data)), value))
    return found


def _about_nodes(shapes: list[Any]) -> dict[str, list[Any]]:
    """By node: in which order nodes run that do not hang on each other is nobody's promise."""
    found: dict[str, list[Any]] = {}
    at = ""
    for shape in shapes:
        if shape[1] is not None:
            at = shape[1]
        if shape[1] is not None or shape[0] == "frame":
            found.setdefault(at, []).append(shape)
    return found


def _frame_of(shapes: list[Any]) -> list[Any]:
    return [shape for shape in shapes if shape[1] is None and shape[0] != "frame"]


async def test_an_interrupt_of_another_changes_nothing_and_its_history_says_how_it_ended() -> None:
    body = recorded.exchanges("06", "/prompt")[0][0]["body"]
    (_, answered) = recorded.exchanges("06", "/history")[0]
    real = next(iter(answered["body"].values()))
    async with served(FakeComfy(), sockets=True) as url, httpx.AsyncClient(base_url=url) as client:
        id_ = (await client.post("/prompt", json=body)).json()["prompt_id"]
        assert (await client.post("/interrupt", json={"prompt_id": "not-this-one"})).status_code == 200
        await asyncio.sleep(0.05)
        assert (await client.get(f"/history/{id_}")).json() == {}
        await client.post("/interrupt", json={"prompt_id": id_})
        await asyncio.sleep(0.1)
        ours = (await client.get(f"/history/{id_}")).json()[id_]
    assert set(ours) == set(real)
    assert ours["status"]["status_str"] == real["status"]["status_str"]
    assert [each[0] for each in ours["status"]["messages"]] == [each[0] for each in real["status"]["messages"]]
    last, theirs = ours["status"]["messages"][-1][1], real["status"]["messages"][-1][1]
    assert set(last) == set(theirs)


async def test_small_things_that_servers_do() -> None:
    async with served(FakeComfy(), sockets=True) as url, httpx.AsyncClient(base_url=url) as client:
        for path, body, status in (("/interrupt", [1], 500), ("/queue", [1], 500), ("/api/jobs/x/cancel", {}, 405)):
            assert (await client.post(path, json=body)).status_code == status
        assert (await client.get("/api/jobs")).status_code == 404
        assert (await client.get("/view", params={"filename": "../x"})).status_code == 400
        assert (await client.get("/view", params={"filename": "x.png"})).status_code == 404
        form = {"type": "input", "subfolder": "gw"}
        names = [
            (await client.post("/upload/image", data=form, files={"image": ("in.png", data)})).json()["name"]
            for data in (b"one", b"one", b"two")
        ]
        assert names == ["in.png", "in.png", "in (1).png"]
        assert (await client.get("/history/unknown")).json() == {}
