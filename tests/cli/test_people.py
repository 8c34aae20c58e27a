"""`darkroom teams`, `darkroom users`, and `darkroom keys rotate`: HTTP and nothing else, names where people know no ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

Darkroom = Callable[..., Result]
DAY = "2026-11-20T08:00:00Z"
TEAM_ID, USER_ID = "019a0000-0000-7000-8000-000000000001", "019a0000-0000-7000-8000-000000000002"
UNLIMITED = dict.fromkeys(("requests_per_minute", "queued_jobs", "interactive_jobs", "running_jobs"))
TEAM = {"id": TEAM_ID, "name": "studio", "members": 2, "created_at": DAY, "closed_at": None}
USER = {
    "id": USER_ID, "name": "Ann", "email": "ann@example.org", "is_admin": True, "has_password": False, "created_at": DAY,
    "closed_at": None,
}  # fmt: skip
MEMBER = {"user_id": USER_ID, "name": "Ann", "email": "ann@example.org", "role": "owner"}
TEAM_PATH, USER_PATH = f"/admin/teams/{TEAM_ID}", f"/admin/users/{USER_ID}"


@pytest.fixture
def people(running: Any) -> Any:
    """A gateway that knows one team and one user."""
    running.app.answers = {
        "/admin/teams": {"data": [TEAM], "next": None},
        "/admin/users": {"data": [USER], "next": None},
        **{path: {"limits": UNLIMITED} for path in (TEAM_PATH, USER_PATH, "/admin/keys/k")},
        f"{TEAM_PATH}/members": {"data": [MEMBER], "next": None},
    }
    return running.app


def test_lists(darkroom: Darkroom, people: Any) -> None:
    assert darkroom("teams").stdout.splitlines()[1].split() == ["studio", "2", "open", TEAM_ID]
    assert darkroom("users").stdout.splitlines()[1].split() == ["Ann", "ann@example.org", "yes", "no", "open", USER_ID]
    assert darkroom("teams", "members", "studio").stdout.splitlines()[1].split() == ["Ann", "ann@example.org", "owner", USER_ID]
    assert json.loads(darkroom("teams", "list", "--json").stdout) == [TEAM]
    assert json.loads(darkroom("users", "list", "--json").stdout) == [USER]
    assert json.loads(darkroom("teams", "members", TEAM_ID, "--json").stdout) == [MEMBER]


def test_the_closed_are_listed_when_asked_for(darkroom: Darkroom, people: Any) -> None:
    people.answers["/admin/teams"] = {"data": [{**TEAM, "closed_at": DAY}], "next": None}
    people.answers["/admin/users"] = {"data": [{**USER, "closed_at": DAY}], "next": None}
    assert darkroom("teams").stdout == "There is no team.\n"
    assert darkroom("users").stdout == "There is no user.\n"
    assert "closed" in darkroom("teams", "list", "--all").stdout
    assert "closed" in darkroom("users", "list", "--all").stdout


def test_limits_are_shown_when_none_is_given(darkroom: Darkroom, people: Any) -> None:
    people.answers[TEAM_PATH] = {**TEAM, "limits": {**UNLIMITED, "queued_jobs": 7, "running_jobs": 0}}
    shown = darkroom("teams", "limits", "studio").stdout.splitlines()[1:]
    assert [line.split(maxsplit=1) for line in shown] == [
        ["requests_per_minute", "usual"],
        ["queued_jobs", "7"],
        ["interactive_jobs", "usual"],
        ["running_jobs", "any number"],
    ]
    assert json.loads(darkroom("teams", "limits", "studio", "--json").stdout)["queued_jobs"] == 7
    assert people.changes == []


def test_a_limit_is_a_number(darkroom: Darkroom, people: Any) -> None:
    told = darkroom("teams", "limits", "studio", "--queued-jobs", "many")
    assert told.exit_code == 2
    assert "'many' is not possible; give a number" in told.stderr


CHANGES: list[tuple[list[str], tuple[str, str, Any]]] = [
    (["teams", "create", "x"], ("POST", "/admin/teams", {"name": "x"})),
    (["teams", "rename", "studio", "x"], ("PATCH", TEAM_PATH, {"name": "x"})),
    (["teams", "close", "studio"], ("DELETE", TEAM_PATH, None)),
    (["teams", "open", TEAM_ID], ("PATCH", TEAM_PATH, {"closed": False})),
    (["teams", "add", "studio", "ann@example.org"], ("POST", f"{TEAM_PATH}/members", {"user_id": USER_ID, "role": "member"})),
    (["teams", "role", "studio", USER_ID, "viewer"], ("PATCH", f"{TEAM_PATH}/members/{USER_ID}", {"role": "viewer"})),
    (["teams", "remove", "studio", USER_ID], ("DELETE", f"{TEAM_PATH}/members/{USER_ID}", None)),
    (["users", "create", "x"], ("POST", "/admin/users", {"name": "x", "is_admin": False})),
    (
        ["users", "create", "x", "--email", "x@y.org", "--admin"],
        ("POST", "/admin/users", {"name": "x", "is_admin": True, "email": "x@y.org"}),
    ),
    (["users", "change", "ann@example.org", "--no-admin"], ("PATCH", USER_PATH, {"is_admin": False})),
    (["users", "change", USER_ID, "--name", "x", "--email", "x@y"], ("PATCH", USER_PATH, {"name": "x", "email": "x@y"})),
    (["users", "close", "ann@example.org"], ("DELETE", USER_PATH, None)),
    (["users", "open", "ann@example.org"], ("PATCH", USER_PATH, {"closed": False})),
    (
        ["teams", "limits", "studio", "--running-jobs", "2", "--queued-jobs", "usual"],
        ("PATCH", TEAM_PATH, {"limits": {"running_jobs": 2, "queued_jobs": None}}),
    ),
    (
        ["users", "limits", "ann@example.org", "--reset", "--requests-per-minute", "0"],
        ("PATCH", USER_PATH, {"limits": {**UNLIMITED, "requests_per_minute": 0}}),
    ),
    (["keys", "limits", "k", "--interactive-jobs", "7"], ("PATCH", "/admin/keys/k", {"limits": {"interactive_jobs": 7}})),
    (["keys", "rotate", "k", "--overlap", "2"], ("POST", "/admin/keys/k/rotate", {"overlap_seconds": 7200})),
]


@pytest.mark.parametrize(("arguments", "sent"), CHANGES, ids=lambda value: " ".join(value[:2]))
def test_a_change_is_one_request(darkroom: Darkroom, people: Any, arguments: list[str], sent: tuple[str, str, Any]) -> None:
    result = darkroom(*arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stdout
    assert people.changes == [sent]


def test_what_programs_want_is_alone_on_standard_output(darkroom: Darkroom, people: Any) -> None:
    assert darkroom("teams", "create", "x").stdout == "id-1\n"
    assert darkroom("users", "create", "x").stdout == "id-1\n"
    assert darkroom("keys", "rotate", "k").stdout == "dk_new\n"


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (
            ["users", "create", "x", "--password"],
            ("POST", "/admin/users", {"name": "x", "is_admin": False, "password": "a word"}),
        ),
        (["users", "password", "ann@example.org"], ("PATCH", USER_PATH, {"password": "a word"})),
    ],
    ids=lambda value: " ".join(value[:2]),
)
def test_a_password_comes_by_standard_input_and_is_not_said_again(
    darkroom: Darkroom, people: Any, arguments: list[str], sent: tuple[str, str, Any]
) -> None:
    result = darkroom(*arguments, input="a word\n")
    assert people.changes == [sent]
    assert "a word" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"), [(["teams", "close", "nothing"], "darkroom teams"), (["users", "close", "x@y"], "darkroom users")]
)
def test_a_name_that_nobody_has(darkroom: Darkroom, people: Any, arguments: list[str], hint: str) -> None:
    people.answers = {"/admin/teams": {"data": []}, "/admin/users": {"data": []}}
    result = darkroom(*arguments)
    assert result.exit_code == 1
    assert hint in result.stderr
    assert people.changes == []


def test_a_change_of_nothing_and_a_role_that_is_none_are_usage_errors(darkroom: Darkroom, people: Any) -> None:
    assert darkroom("users", "change", USER_ID).exit_code == 2
    result = darkroom("teams", "add", "studio", USER_ID, "--role", "boss")
    assert result.exit_code == 2
    assert "owner" in result.stderr
