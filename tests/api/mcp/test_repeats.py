"""Calls that are sent twice with the same word: one job."""

from __future__ import annotations

import pytest

from tests.api.mcp.talking import LEGACY, agent, data, fault, uri
from tests.api.pictures import BLUE, flat

pytestmark = pytest.mark.server


async def test_the_same_call_with_the_same_word_is_one_job(url: str) -> None:
    asked = {"prompt": "a", "idempotency_key": "once", "view": "none"}
    async with agent(url) as client:
        jobs = [data(await client.call_tool("generate_image", asked))["job_id"] for _ in range(2)]
        assert jobs[0] == jobs[1]
        told = fault(await client.call_tool("generate_image", {**asked, "background": "opaque"}))
        assert (told["code"], told["field"]) == ("idempotency_conflict", "idempotency_key")
    async with agent(url, LEGACY, **{"Idempotency-Key": "twice"}) as client:
        picture = {"image": uri(flat()), "prompt": "a"}
        jobs = [data(await client.call_tool("edit_image", picture))["job_id"] for _ in range(2)]
        assert jobs[0] == jobs[1]
        assert fault(await client.call_tool("edit_image", {**picture, "prompt": "b"}))["code"] == "idempotency_conflict"
        own = data(await client.call_tool("edit_image", {**picture, "prompt": "b", "idempotency_key": "mine"}))
        assert own["job_id"] not in jobs, "a call's own word goes before the one that is sent with all of them"


async def test_what_is_made_larger_twice_with_the_same_word_is_one_job(url: str) -> None:
    """Also where the picture comes along, and is another upload each time."""
    asked = {"image": uri(flat()), "upscaler": "grow", "idempotency_key": "once", "view": "none"}
    async with agent(url) as client:
        jobs = [data(await client.call_tool("upscale_image", asked))["job_id"] for _ in range(2)]
        assert jobs[0] == jobs[1]
        other = {**asked, "image": uri(flat(BLUE))}
        assert fault(await client.call_tool("upscale_image", other))["code"] == "idempotency_conflict"
