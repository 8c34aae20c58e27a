"""The fake server against what real ones answered, message by message."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.fakes.a1111 import server
from tests.fakes.a1111.server import A1111
from tests.fakes.pictures import png

RECORDED = [json.loads(line) for line in Path(server.__file__).with_name("recorded.jsonl").read_text().splitlines()]
KINDS = {"a1111-1.8.0": "a1111", "forge-api": "forge", "sd-server": "sdcpp", "a1111-1.8.0-auth": "a1111", "forge-auth": "forge"}
PICTURE = base64.b64encode(png(np.full((64, 64, 3), 200, np.uint8))).decode()


def named(row: dict[str, Any]) -> str:
    return f"{row['peer']} {row['method']} {row['path']} {json.dumps(row['body'])[:60]}"


@pytest.mark.parametrize("row", RECORDED, ids=named)
async def test_it_answers_as_the_real_one(row: dict[str, Any]) -> None:
    login = "user:secret" if row["peer"].endswith("-auth") else ""
    fake = A1111(KINDS[row["peer"]], login=login, step_seconds=0)
    headers = {"Authorization": row["authorization"]} if "authorization" in row else {}
    sent = sendable(row["body"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(fake), base_url="http://fake", headers=headers) as client:
        answer = await client.request(row["method"], row["path"], content=sent)
    assert answer.status_code == row["status"], answer.text
    if row["answer"] == "":
        assert not answer.content
    elif "images" in (row["answer"] or {}):
        as_generated(answer.json(), row["answer"])
    elif row["status"] == 200 and isinstance(row["answer"], dict):
        assert keys(answer.json()) == keys(row["answer"])
    elif row["status"] == 200:
        assert answer.json() == row["answer"]
    else:
        as_refused(answer.json(), row["answer"])


def sendable(body: Any) -> bytes:
    """Pictures are shortened in the records, and what was sent as bytes stands there as Python writes them."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.removeprefix("b'").removesuffix("'").encode()
    return json.dumps(body).replace("PICTURE", PICTURE).encode()


def as_generated(told: dict[str, Any], recorded: dict[str, Any]) -> None:
    info = json.loads(told["info"])
    assert len(told["images"]) == recorded["images"]
    for key, value in recorded["info"].items():
        if key == "extra_generation_params":
            said = value.get("Schedule type", "Automatic"), info[key].get("Schedule type", "Automatic")
            assert said[0] == said[1]
        elif key == "sd_model_name":
            assert info[key].rpartition("/")[2] == value
        else:
            assert info[key] == value, key
    if "info_keys" in recorded:
        assert sorted(info) == recorded["info_keys"]
        assert set(told["parameters"]) >= set(recorded["parameters_keys"]) - {"force_task_id"}


def as_refused(told: dict[str, Any], recorded: dict[str, Any]) -> None:
    assert told.keys() == recorded.keys()
    for key, value in recorded.items():
        if isinstance(value, list):
            assert [row.keys() - {"ctx"} for row in told[key]] == [row.keys() - {"ctx"} for row in value]
            assert [row["loc"] for row in told[key]] == [row["loc"] for row in value]
        else:
            assert told[key] == value


def keys(told: Any) -> Any:
    return {key: keys(value) for key, value in told.items()} if isinstance(told, dict) else None
