"""`darkroom engines discover`: what servers offer that nobody can ask for yet, and the entries that change that."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from click.testing import Result

from gateway.cli.gateway import explain

Darkroom = Callable[..., Result]
ENTRY = '[[models]]\nid = "{0}"\nengine = "comfy"\nsource = "sdxl"\ncheckpoint = "{0}.safetensors"\n'
ENGINES = {"data": [{"name": "comfy", "running": True}, {"name": "torn", "running": False}], "plugins": []}


def offered(*ids: str, problem: str | None = None) -> dict[str, Any]:
    rows = [{"engine": "comfy", "id": each, "source": "sdxl", "entry": ENTRY.format(each)} for each in ids]
    return {"data": rows, "problem": problem}


@pytest.fixture
def comfy(running: Any) -> None:
    running.app.answers["/admin/engines"] = ENGINES
    running.app.answers["/admin/engines/comfy/discovered"] = offered("base", "turbo")


@pytest.mark.parametrize("arguments", [(), ("comfy",)])
def test_what_is_offered_is_listed(darkroom: Darkroom, comfy: None, arguments: tuple[str, ...]) -> None:
    lines = [line.split() for line in darkroom("engines", "discover", *arguments).stdout.splitlines()]
    assert lines == [["engine", "model", "source"], ["comfy", "base", "sdxl"], ["comfy", "turbo", "sdxl"]]


@pytest.mark.parametrize(
    ("arguments", "ids"), [(("base",), ["base"]), (("turbo", "base"), ["turbo", "base"]), (("--all",), ["base", "turbo"])]
)
def test_entries_are_printed_that_can_be_appended(
    darkroom: Darkroom, comfy: None, arguments: tuple[str, ...], ids: list[str]
) -> None:
    said = darkroom("engines", "discover", "comfy", *arguments).stdout
    assert said.startswith("\n"), "an empty line before what it is appended to"
    assert [each["id"] for each in tomllib.loads(f"a = 1{said}")["models"]] == ids


def test_a_model_that_is_not_offered_names_the_nearest(darkroom: Darkroom, comfy: None) -> None:
    result = darkroom("engines", "discover", "comfy", "tubro")
    assert result.exit_code == 1
    assert 'did you mean "turbo"?' in result.stderr
    assert not result.stdout
    assert "engines discover comfy" in darkroom("engines", "discover", "comfy", "§").stderr


def test_an_engine_that_is_not_there_is_named_once() -> None:
    told = "There is no [engines.comfi] in models.toml."
    problem = {"detail": told, "errors": [{"field": "name", "message": told}]}
    assert explain(httpx.Response(404, json=problem), "http://here") == told
    assert explain(httpx.Response(422, json=problem), "http://here") == f"name: {told}"
    assert "models.toml" in explain(httpx.Response(422, json={"detail": "No.", "code": "unknown_model"}), "http://here")


def test_all_of_no_engine_is_a_usage_error(darkroom: Darkroom, comfy: None) -> None:
    assert darkroom("engines", "discover", "--all").exit_code == 2


def test_who_could_not_be_asked_is_told(darkroom: Darkroom, running: Any, comfy: None) -> None:
    running.app.answers["/admin/engines/comfy/discovered"] = offered(problem="The server cannot be reached.")
    result = darkroom("engines", "discover")
    assert "comfy could not be asked: The server cannot be reached." in result.stderr
    assert not result.stdout
    said = json.loads(darkroom("engines", "discover", "--json").stdout)
    assert said == {"comfy": {"data": [], "problem": "The server cannot be reached."}}


def test_nothing_more_is_said_to_be_so(darkroom: Darkroom, running: Any, comfy: None) -> None:
    running.app.answers["/admin/engines/comfy/discovered"] = offered()
    assert "names all that is offered" in darkroom("engines", "discover").stdout


def test_the_list_of_engines_says_that_there_is_more(darkroom: Darkroom, running: Any) -> None:
    row = {"name": "comfy", "plugin": "comfyui", "models": ["m"], "lanes": ["box:8188"], "health": [], "problem": None}
    running.app.answers["/admin/engines"] = {"data": [{**row, "discovered": ["a", "b"]}], "plugins": []}
    assert "m, and 2 that models.toml does not name" in darkroom("engines").stdout
