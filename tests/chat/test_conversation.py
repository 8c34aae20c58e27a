"""What a language model is reminded of."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.chat.conversation import opening, turns
from gateway.chat.records import Message
from gateway.chat.tools import Call

EDIT = Call("edit", '{"prompt": "blue"}', "call_7")


def message(role: str, text: str = "", **more: Any) -> Message:
    return Message(id="m", session_id="s", team_id="t", role=role, text=text, created_at=0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "roles", "last"),
    [
        (message("user", "hi"), ["user"], "hi"),
        (message("assistant", "hello"), ["assistant"], "hello"),
        (message("assistant", tool=EDIT, job_id="j", image_id="i"), ["assistant", "tool"], "The picture is done"),
        (
            message("assistant", tool=EDIT, job_id="j", state="failed", error_message="no"),
            ["assistant", "tool"],
            "It failed: no",
        ),
        (message("assistant", tool=EDIT, job_id="j"), ["assistant", "tool"], "No picture"),
        (message("assistant", job_id="j", image_id="i"), ["assistant"], "The picture is done"),  # made without a model
        (message("assistant", state="failed", error_message="no"), [], ""),
    ],
)
def test_each_message_in_the_apis_words(said: Message, roles: list[str], last: str) -> None:
    told = list(turns([said]))
    assert [each["role"] for each in told] == roles
    assert not told or told[-1]["content"].startswith(last)


def test_a_call_and_its_result_belong_together() -> None:
    call, result = turns([message("assistant", tool=EDIT, image_id="i")])
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "call_7"
    nameless = Call("edit", "{}")
    call, result = turns([message("assistant", tool=nameless, image_id="i")])
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "call_m"


def test_a_picture_that_is_gone() -> None:
    assert opening(None)["content"].endswith("The current picture is gone.")
    assert "{" not in opening(None)["content"]
