"""Teams over one gateway, and what its routes are asked with: `test_isolation` sees that none reaches another's things.

A new route is asked as well, without a word here, as long as its path names things that `Things` has; a body, another
kind of thing or an id within a body must be added to the tables below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx

from tests.api.furnishing import Things

Json = dict[str, Any]
NOBODYS = "01900000-0000-7000-8000-000000000000"
"""An id that nobody has."""

EXEMPT: dict[str, tuple[int, str]] = {
    "/admin/": (403, "the box's: closed to every team's owner, before any id is looked at"),
    "/openai/v1/models/{model_id}": (200, "models are the box's; which of them a team sees is the catalog's to say"),
    "/v1/images/{image_id}/content/{name}": (403, "answers to its signature, whoever asks, and to nobody without"),
    "/v1/images/{image_id}/thumbnail/{name}": (403, "answers to its signature, whoever asks, and to nobody without"),
    "/v1/images/exports/{job_id}/archive/{name}": (403, "answers to its signature, whoever asks, and to nobody without"),
}
"""What does not answer 404, by how its path begins: what it answers, and why that is so."""

PUBLIC = "/v0/images/public"
"""Shows everyone what teams published."""
ENDLESS = "/v1/events"
"""Cannot be read to its end; test_events listens to it."""
UNSTEADY = ("/metrics", "/health/", "/v1/models", "/sdapi/v1/memory")
"""How the paths begin whose answers change by themselves, with what the gateway does and not with whose it is."""
UNDESCRIBED = {
    "/public": "the page of the same pictures",
    "/s/": "pages of links, which open to whoever has one",
    "/schema": "the document and its viewer",
}
"""How the paths begin that the OpenAPI document does not have."""

BODIES: dict[tuple[str, str], Json] = {
    ("PATCH", "/v0/images/library/{image_id}"): {"isPublic": True},
    ("PATCH", "/v0/presets/{preset_id}"): {"name": "Mine"},
    ("PATCH", "/v1/images/{image_id}"): {"saved": True, "title": "mine", "tags": ["mine"]},
    ("POST", "/v1/images/{image_id}/favorite"): {"is_favorite": True},
    ("PATCH", "/v1/images/{image_id}/share"): {"show_prompt": True},
    ("POST", "/v1/images/{image_id}/share"): {},
    ("PATCH", "/v1/team/keys/{key_id}"): {"name": "mine"},
    ("PATCH", "/v1/team/members/{user_id}"): {"role": "member"},
    ("PATCH", "/v1/webhooks/{webhook_id}"): {"description": "mine"},
    ("POST", "/v1/chat/sessions/{session_id}/messages"): {"text": "make it blue"},
    ("POST", "/v1/images/{image_id}/edit"): {"prompt": "make it blue"},
    ("POST", "/v1/images/{image_id}/upscale"): {"scale": 2},
    ("POST", "/v1/team/keys/{key_id}/rotate"): {"overlap_seconds": 60},
}
"""Of routes whose path has ids: a body that the team itself is not refused."""


AT_ONCE: Json = {"params": {"async": True}}
SAID: Json = {"role": "user", "content": "a"}
WORDS: Json = {"type": "text", "text": "a"}
FILE: Json = {"type": "input_image", "file_id": "{thing}"}
THINGS, OWN = ({"type": "artifact", "artifact_id": name} for name in ("{thing}", "{own}"))


class Carried(NamedTuple):
    """An id outside of the path: requests that name `{thing}`, one of the first team's of that kind, and the answer.

    A path's `{image_id}` is a picture of the one who asks.
    """

    kind: str
    status: int
    sent: tuple[Json, ...]


CARRIED: dict[tuple[str, str, str], Carried] = {
    ("POST", "/v1/images/image-to-image", "artifact_id"): Carried(
        "image_id",
        404,
        (
            {"json": {"prompt": "a", "model": "edit", "image": THINGS}},
            {"json": {"prompt": "a", "model": "edit", "image": OWN, "extra_images": [OWN, THINGS]}},
            {"json": {"prompt": "a", "model": "edit", "image": OWN, "mask": THINGS}},
        ),
    ),
    ("POST", "/v1/images/{image_id}/edit", "artifact_id"): Carried(
        "image_id",
        404,
        (
            {"json": {"prompt": "a", "model": "edit", "mask": THINGS}},
            {"json": {"prompt": "a", "model": "edit", "extra_images": [OWN, THINGS]}},
        ),
    ),
    ("POST", "/v1/images/{image_id}/edit", "edit_session_id"): Carried(
        "edit_session_id", 404, ({"json": {"prompt": "a", "edit_session_id": "{thing}"}},)
    ),
    ("POST", "/v1/images/{image_id}/upscale", "edit_session_id"): Carried(
        "edit_session_id", 404, ({"json": {"edit_session_id": "{thing}"}},)
    ),
    # What is not found is told; the second brings back what the first took away from the team itself.
    ("POST", "/v1/images/bulk/delete", "ids"): Carried("image_id", 200, ({"json": {"ids": ["{thing}"]}},)),
    ("POST", "/v1/images/bulk/restore", "ids"): Carried("image_id", 200, ({"json": {"ids": ["{thing}"]}},)),
    ("POST", "/v1/images/bulk/export", "ids"): Carried("image_id", 404, ({"json": {"ids": ["{thing}"]}},)),
    # It counts pictures and looks at none: the answer is the same for any id.
    ("POST", "/v1/quote", "artifact_id"): Carried("image_id", 200, ({"json": {"model": "edit", "image": THINGS}},)),
    ("POST", "/v0/images/generations", "presetId"): Carried(
        "preset_id",
        404,
        ({**AT_ONCE, "json": {"presetId": "{thing}"}}, {**AT_ONCE, "form": {"prompt": "a", "presetId": "{thing}"}}),
    ),
    ("GET", "/v0/images/library", "presetId"): Carried("preset_id", 404, ({"params": {"presetId": "{thing}"}},)),
    ("GET", "/v1/webhooks/deliveries", "webhook_id"): Carried("webhook_id", 200, ({"params": {"webhook_id": "{thing}"}},)),
    ("GET", "/v1/webhooks/deliveries", "task_id"): Carried("task_id", 200, ({"params": {"task_id": "{thing}"}},)),
    ("POST", "/openai/v1/chat/completions", "file_id"): Carried(
        "image_id", 404, ({"json": {"model": "afar", "messages": [SAID, {"role": "user", "content": [WORDS, FILE]}]}},)
    ),
    ("POST", "/openai/v1/responses", "file_id"): Carried(
        "image_id",
        404,
        (
            {"json": {"model": "afar", "input": [{"role": "user", "content": [WORDS, FILE]}]}},
            {"json": {"model": "afar", "input": [{"role": "user", "content": [WORDS, FILE]}, SAID]}},
        ),
    ),
    ("POST", "/openai/v1/responses", "id"): Carried(
        "call_id", 404, ({"json": {"model": "afar", "input": [{"type": "image_generation_call", "id": "{thing}"}, SAID]}},)
    ),
    ("POST", "/openai/v1/responses", "previous_response_id"): Carried(
        "response_id", 404, ({"json": {"model": "afar", "input": "a", "previous_response_id": "{thing}"}},)
    ),
    # Chats are their clients' own, and mean something within a team alone.
    ("GET", "/api/v1/files", "chat_id"): Carried("chat_id", 200, ({"params": {"chat_id": "{thing}"}},)),
    ("GET", "/api/v1/files", "message_id"): Carried(
        "message_id", 200, ({"params": {"chat_id": "a chat", "message_id": "{thing}"}},)
    ),
    # By a key it is refused whatever it names; there is a test of sessions.
    ("PATCH", "/v1/me", "team_id"): Carried("team_id", 403, ({"json": {"team_id": "{thing}"}},)),
    ("POST", "/v1/team/keys", "user_id"): Carried(
        "user_id", 422, ({"json": {"name": "theirs", "permissions": ["gallery.read"], "user_id": "{thing}"}},)
    ),
}
"""By method, path and the field's name."""

EVERYONES_IDS: dict[tuple[str, str, str], str] = {
    ("POST", "/mcp", "id"): "a message's own; the ids that its tools take are tried in tests/api/mcp/test_tools.py",
    **{
        ("POST", f"/sdapi/v1/{call}", "force_task_id"): "what a client calls its own call; test_progress sees whose it is"
        for call in ("txt2img", "img2img")
    },
    ("POST", "/v1/team/members", "user_id"): "users are the box's: an owner lets in whom they know by id or e-mail",
}
"""Ids outside of paths that are not a team's, and why."""


class Operation(NamedTuple):
    """One method of one path of the OpenAPI document."""

    method: str
    path: str
    in_path: tuple[str, ...]
    elsewhere: frozenset[str]
    """Names in the query, in headers and, at any depth, in the body."""
    has_body: bool

    @property
    def ids(self) -> set[tuple[str, str, str]]:
        """The ids that it takes outside of its path."""
        return {(self.method, self.path, name) for name in self.elsewhere if re.search(r"(^i|_i|I)ds?$", name)}

    @property
    def exempt(self) -> int | None:
        """What it answers instead of 404."""
        return next((status for beginning, (status, _) in EXEMPT.items() if self.path.startswith(beginning)), None)

    @property
    def shows(self) -> bool:
        """Whether it answers with what a team has, without being told which of it."""
        return self.method == "GET" and not self.in_path and self.path != ENDLESS

    def urls(self, things: Things) -> Iterator[str]:
        """The path with each thing of the kind that its last parameter names."""
        if not self.in_path:
            yield self.path
            return
        if unknown := set(self.in_path) - set(things):
            cure = "let `furnish` make such things and return their ids, or add the path to EXEMPT with a reason"
            raise AssertionError(f"{self.method} {self.path}: nothing is known of {', '.join(unknown)}; {cure}")
        first = {name: things[name][0] for name in self.in_path}
        for thing in things[self.in_path[-1]]:
            yield self.path.format(**{**first, self.in_path[-1]: thing})

    def asked(self) -> Json:
        """What httpx sends beside the URL."""
        if not self.has_body or self.exempt:
            return {}
        if (self.method, self.path) not in BODIES:
            raise AssertionError(f"{self.method} {self.path}: add to BODIES what it is sent")
        return {"json": BODIES[self.method, self.path]}


async def operations(client: httpx.AsyncClient) -> list[Operation]:
    """Every one that the gateway describes."""
    document = (await client.get("/schema/openapi.json")).json()
    return [
        _operation(document, method.upper(), path, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


def _operation(document: Json, method: str, path: str, told: Json) -> Operation:
    in_path = tuple(re.findall(r"\{(\w+)\}", path))
    given = {each["name"] for each in told.get("parameters", ()) if each["in"] != "path"}
    bodies = told.get("requestBody", {}).get("content", {})
    fields = {name for body in bodies.values() for name in _fields(document, body["schema"])}
    return Operation(method, path, in_path, frozenset(given | fields), bool(bodies))


def _fields(document: Json, part: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all fields of a body, at any depth."""
    if isinstance(part, list):
        for each in part:
            yield from _fields(document, each, seen)
    elif isinstance(part, dict):
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen:
            yield from _fields(document, document["components"]["schemas"][name], seen | {name})
        yield from part.get("properties", {})
        for each in part.values():
            yield from _fields(document, each, seen)


def told(response: httpx.Response, thing: str = NOBODYS) -> tuple[int, str]:
    """Status and body, as they would be for the id that nobody has."""
    return response.status_code, response.text.replace(response.headers["x-request-id"], "").replace(thing, NOBODYS)


def sent(given: Json, **ids: str) -> Json:
    """What httpx sends (a `form` as multipart), with ids where it says `{thing}` or `{own}`."""
    text = json.dumps(given)
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    made: Json = json.loads(text)
    if form := made.pop("form", None):
        made["files"] = {name: (None, value) for name, value in form.items()}
    return made
