"""What becomes of each field of OpenAI's API in a conversation that wants a picture: nothing is dropped silently."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from openai.types.responses.tool_param import ImageGeneration

from tests.api.openai.conversations.asking import CHAT, RESPONSES, Json, user

HONOURED, HARMLESS = "honoured", "has no effect on a picture"
TALK = [user("a red circle")]
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOOL = {"type": "image_generation"}
_WORDS = {
    name: (value, HARMLESS)
    for name, value in {
        "frequency_penalty": 0.5, "functions": [{"name": "f"}], "logit_bias": {"1": 2}, "logprobs": False,
        "max_completion_tokens": 9, "max_tokens": 9, "parallel_tool_calls": True, "presence_penalty": 0.5,
        "prediction": {"type": "content", "content": "a"}, "prompt_cache_key": "k", "prompt_cache_options": {},
        "prompt_cache_retention": "24h", "reasoning_effort": "high", "stop": ["\n"], "temperature": 0.1, "top_p": 0.5,
        "verbosity": "low", "response_format": {"type": "text"}, "tool_choice": "auto", "function_call": "auto",
        "store": False, "top_logprobs": 0, "tools": [{"type": "function", "function": {"name": "f"}}],
    }.items()
}  # fmt: skip
CHAT_FIELDS: dict[str, tuple[Any, str | None]] = {
    **_WORDS,
    **dict.fromkeys(
        ("messages", "model", "modalities", "n", "seed", "stream", "metadata", "service_tier", "user", "safety_identifier"),
        (None, HONOURED),
    ),
    "stream_options": ({"include_usage": True, "include_obfuscation": False}, HONOURED),
    "audio": ({"voice": "alloy", "format": "mp3"}, None),
    "moderation": ({"model": "omni"}, None),
    "web_search_options": ({}, None),
}
"""Each field of the API: a value, and what becomes of it; None: it is refused by its name."""
ALSO_REFUSED = {
    "logprobs": True,
    "top_logprobs": 3,
    "response_format": {"type": "json_object"},
    "tool_choice": "required",
    "function_call": {"name": "f"},
    "models": ["quick"],
    "colour": "red",
}
RESPONSE_FIELDS: dict[str, tuple[Any, str | None]] = {
    **dict.fromkeys(
        ("input", "model", "stream", "tools", "background", "previous_response_id", "store", "metadata", "service_tier"),
        (None, HONOURED),
    ),
    **dict.fromkeys(("safety_identifier", "user"), ("me", HONOURED)),
    **{
        name: (value, HARMLESS)
        for name, value in {
            "context_management": [{"type": "compaction"}], "include": ["reasoning.encrypted_content"],
            "instructions": "Be kind.",
            "max_output_tokens": 9, "max_tool_calls": 1, "parallel_tool_calls": False, "prompt_cache_key": "k",
            "prompt_cache_options": {"ttl": "30m"}, "prompt_cache_retention": "24h", "reasoning": {"effort": "high"},
            "stream_options": {"include_obfuscation": False}, "temperature": 1, "text": {"format": {"type": "text"}},
            "tool_choice": "required", "top_logprobs": 0, "top_p": 0.1, "truncation": "auto",
            "image": {"context_compression": "auto"},
        }.items()
    },
    "access_programs": ({"cyber": "standard"}, None),
    "conversation": ("conv_1", None),
    "moderation": ({"model": "omni"}, None),
    "prompt": ({"id": "p"}, None),
}  # fmt: skip
RESPONSES_ALSO_REFUSE = {
    "image": {"context_compression": "enabled"},
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {}}},
    "tool_choice": "none",
    "top_logprobs": 3,
    "n": 2,
    "size": "64x64",
    "colour": "red",
}
TOOL_FIELDS: dict[str, tuple[Any, str | None]] = {
    **dict.fromkeys(("type", "model", "input_image_mask", "quality"), (None, HONOURED)),
    "action": ("generate", HONOURED),
    "background": ("opaque", HONOURED),
    "output_format": ("webp", HONOURED),
    "output_compression": (100, HONOURED),
    "size": ("128x128", HONOURED),
    "partial_images": (2, HONOURED),
    # Low is what models do by themselves; and where there is no picture, none can be kept to.
    "input_fidelity": ("low", HONOURED),
    # Nothing is moderated here, neither strictly nor less so.
    "moderation": ("low", HARMLESS),
    "complexity": ("low", None),
    "frame_count": (9, None),
    "frame_duration_ms": (200, None),
    "svg": ({"model": "x"}, None),
}


@pytest.mark.parametrize(
    ("shape", "table"),
    [
        (CompletionCreateParamsStreaming, CHAT_FIELDS),
        (ResponseCreateParamsStreaming, RESPONSE_FIELDS),
        (ImageGeneration, TOOL_FIELDS),
    ],
)
def test_something_becomes_of_every_field_of_the_api(shape: type, table: Json) -> None:
    assert set(shape.__annotations__) == set(table)


@SQLITE
async def test_chats_fields(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    await _see(client, subtests, CHAT, {"model": "quick", "messages": TALK}, CHAT_FIELDS, ALSO_REFUSED)


@SQLITE
async def test_the_fields_of_responses(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    await _see(client, subtests, RESPONSES, {"model": "quick", "input": "a"}, RESPONSE_FIELDS, RESPONSES_ALSO_REFUSE)


async def _see(client: httpx.AsyncClient, subtests: pytest.Subtests, path: str, body: Json, table: Json, more: Json) -> None:
    taken = {name: value for name, (value, becomes) in table.items() if becomes and value is not None}
    answer = await client.post(path, json={**body, **taken})
    assert answer.status_code == 200, answer.text
    empty = await client.post(path, json={**dict.fromkeys(table), **body})
    assert empty.status_code == 200, "null is as good as nothing"
    for name, value in [*((name, value) for name, (value, becomes) in table.items() if not becomes), *more.items()]:
        with subtests.test(name):
            answer = await client.post(path, json={**body, name: value})
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["param"] == name


@SQLITE
async def test_the_fields_of_the_tool(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    body = {"model": "quick", "input": "a"}
    taken = {name: value for name, (value, becomes) in TOOL_FIELDS.items() if becomes and value is not None}
    answer = await client.post(RESPONSES, json={**body, "tools": [{**TOOL, **taken}]})
    assert answer.status_code == 200, answer.text
    refusals = [(name, value) for name, (value, becomes) in TOOL_FIELDS.items() if not becomes]
    for name, value in [*refusals, ("n", 2), ("size", "huge"), ("quality", 3), ("sampler", "Nothing"), ("strength", 0.5)]:
        with subtests.test(name):
            answer = await client.post(RESPONSES, json={**body, "tools": [{"type": "function"}, {**TOOL, name: value}]})
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["param"] == f"tools[1].{name}"
