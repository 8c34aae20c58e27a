"""`darkroom workflows` as a person calls it, with an engine of the tests' own in place of ComfyUI's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from msgspec import Struct

from engines.contract import (
    EngineUnavailable,
    InvalidRequest,
    ModelCard,
    ModelSpec,
    WorkflowDescription,
    WorkflowEngine,
)
from gateway.registry import Registry

Darkroom = Callable[..., Result]
TABLE = '[engines.graphs]\nplugin = "graphs"\n[[models]]\nid = "mine"\nengine = "graphs"\nsource = "portrait"\n'


class Options(Struct, forbid_unknown_fields=True, frozen=True):
    workflows: str = ""
    lacks: tuple[str, ...] = ()
    away: bool = False


class Graphs(WorkflowEngine):
    Options = Options

    def lanes(self) -> Sequence[str]:
        return ("one",)

    async def card(self, model: ModelSpec) -> ModelCard:
        return ModelCard(capabilities=("text_to_image",))

    def generate(self, batch: object, lane: str) -> object:  # type: ignore[override]
        raise AssertionError("no test makes a picture here")

    async def workflows(self) -> Sequence[WorkflowDescription]:
        return [WorkflowDescription(name="portrait", title="Portrait", capabilities=("text_to_image",))]

    async def import_workflow(self, name: str, document: bytes, told: bytes | None = None) -> WorkflowDescription:
        if document == b"bad":
            raise InvalidRequest("The workflow cannot be taken in: it is not JSON.")
        files = {f"{name}.json": document, f"{name}.toml": told or b"guessed"}
        return WorkflowDescription(name=name, title=name, capabilities=("inpaint",), notes=("prompt: 6.text",), files=files)

    async def check_workflow(self, model: ModelSpec, lane: str) -> Sequence[str]:
        if self.options.away:
            raise EngineUnavailable("The server cannot be reached.")
        return [f"{model.source}: {each}" for each in self.options.lacks]


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setattr(Registry, "discover", lambda: Registry({"graphs": Graphs}))
    (data / "models.toml").write_text(TABLE)


def test_they_are_listed(darkroom: Darkroom) -> None:
    assert "portrait" in darkroom("workflows", "list").stdout
    told = json.loads(darkroom("workflows", "list", "--json").stdout)
    assert told["data"][0]["capabilities"] == ["text_to_image"]


def test_one_is_taken_in_and_checked(darkroom: Darkroom, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "my graph.json"
    file.write_bytes(b"graph")
    nodes = tmp_path / "nodes.json"
    nodes.write_bytes(b"listed")
    result = darkroom("workflows", "import", str(file), "--nodes", str(nodes))
    assert result.exit_code == 0, result.output
    assert (data / "workflows" / "my-graph.json").read_bytes() == b"graph"
    assert (data / "workflows" / "my-graph.toml").read_bytes() == b"listed"
    for words in ("inpaint", "prompt: 6.text", 'id = "my-graph"', "nothing is missing"):
        assert words in result.stdout


def test_nothing_is_written_over_unless_forced(darkroom: Darkroom, tmp_path: Path) -> None:
    file = tmp_path / "graph.json"
    file.write_bytes(b"graph")
    assert darkroom("workflows", "import", str(file), "--folder", str(tmp_path / "f")).exit_code == 0
    again = darkroom("workflows", "import", str(file), "--folder", str(tmp_path / "f"))
    assert again.exit_code == 1
    assert "--force" in again.output
    assert darkroom("workflows", "import", str(file), "--folder", str(tmp_path / "f"), "--force").exit_code == 0


def test_a_file_that_is_none_is_refused_in_the_engines_words(darkroom: Darkroom, tmp_path: Path) -> None:
    file = tmp_path / "graph.json"
    file.write_bytes(b"bad")
    result = darkroom("workflows", "import", str(file))
    assert result.exit_code == 1
    assert "it is not JSON" in result.output


def test_what_is_missing_is_the_exit_status(darkroom: Darkroom, data: Path) -> None:
    assert darkroom("workflows", "check", "portrait", "mine").exit_code == 0
    (data / "models.toml").write_text(TABLE.replace('"graphs"\n[', '"graphs"\nlacks = ["node 4"]\n[', 1))
    result = darkroom("workflows", "check", "mine")
    assert result.exit_code == 1
    assert "mine on one: portrait: node 4" in result.stdout


def test_a_server_that_is_away_fails_a_check_and_no_import(darkroom: Darkroom, data: Path, tmp_path: Path) -> None:
    (data / "models.toml").write_text(TABLE.replace('"graphs"\n[', '"graphs"\naway = true\n[', 1))
    result = darkroom("workflows", "check", "portrait")
    assert result.exit_code == 1
    assert "cannot be reached" in result.output
    file = tmp_path / "graph.json"
    file.write_bytes(b"graph")
    taken = darkroom("workflows", "import", str(file))
    assert taken.exit_code == 0
    assert "Not checked" in taken.stdout


def test_an_engine_that_has_none_is_told(darkroom: Darkroom) -> None:
    result = darkroom("workflows", "list", "--engine", "other")
    assert result.exit_code == 1
    assert "models.toml has graphs" in result.output
