"""Ids as chats and responses write them: the job's id behind a word that says of what kind it is."""

from __future__ import annotations

COMPLETION, RESPONSE, CALL = "chatcmpl-", "resp_", "ig_"


def job_of(text: str, kind: str) -> str:
    """The id of the job; one that nobody has, where this is of no such kind."""
    return text.removeprefix(kind) if text.startswith(kind) else ""
