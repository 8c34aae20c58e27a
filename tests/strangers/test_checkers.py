"""A stranger's package beside an installed Darkroom: its own wheel, its own entry points, and nobody's sources but its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import gateways
from tests.packages import environment, install, run

PACKAGE = Path(__file__).parent / "darkroom-checkers"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> tuple[Path, Path]:
    """What is on the path of its processes: the package as it is installed, then Darkroom as it is."""
    source, target = tmp_path_factory.mktemp("source") / "darkroom-checkers", tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, source)
    install(source, target)
    return target, installed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody tries it who has its models.toml and no sources."""
    shutil.copy(PACKAGE / "models.toml", tmp_path)
    return tmp_path


def suite(folder: Path, *arguments: str, path: tuple[Path, ...]) -> subprocess.CompletedProcess[str]:
    module = ("--pyargs", "engines.suite.from_file")
    return run(folder, "-m", "pytest", "-p", "no:cacheprovider", *arguments, *module, path=path)


def test_the_suite_is_run_over_its_models_without_a_line_of_code(path: tuple[Path, Path], folder: Path) -> None:
    done = suite(folder, "-v", "--darkroom-models", "models.toml", path=path)
    assert done.returncode == 0, done.stdout + done.stderr
    for model in ("chess", "draughts"):
        assert f"test_it_makes_exactly_what_was_asked[{model}] PASSED" in done.stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((), "Which engine? Give the class the fixtures"),
        (("--darkroom-models", "other.toml"), "other.toml cannot be read"),
    ],
)
def test_what_it_is_not_told_is_asked_for(path: tuple[Path, Path], folder: Path, given: tuple[str, ...], says: str) -> None:
    done = suite(folder, *given, path=path)
    assert says in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout


def test_an_engine_that_breaks_the_contract_fails_with_the_reason(path: tuple[Path, Path], folder: Path) -> None:
    site = folder / "site"
    shutil.copytree(path[0], site)
    module = site / "darkroom_checkers" / "__init__.py"
    module.write_text(module.read_text().replace("emit(Done(request.id))", "pass"))
    done = suite(folder, "-x", "--darkroom-models", "models.toml", path=(site, path[1]))
    assert done.returncode == 1
    assert "exactly one for each request" in done.stdout, "asserts of the suite are explained"


@pytest.fixture(scope="module")
def gateway(path: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[gateways.Running]:
    """A gateway of its own process, whose only engines are the stranger's."""
    models = (PACKAGE / "models.toml").read_text() + '\n[engines.unfinished]\nplugin = "torn"\n'
    data = tmp_path_factory.mktemp("checkers")
    with gateways.running(data, models, PYTHONPATH=environment(*path)["PYTHONPATH"]) as running:
        yield running


@pytest.mark.server
def test_the_gateway_runs_it_as_it_runs_its_own(gateway: gateways.Running) -> None:
    with gateway.client() as client:
        told = client.get("/admin/engines").json()
        rows = {each["name"]: each for each in told["data"]}
        assert (rows["checkers"]["running"], rows["checkers"]["models"]) == (True, ["chess", "draughts"])
        assert "a_package_that_nobody_has" in rows["unfinished"]["problem"], "a torn one is told of, and no more"
        asked = {"prompt": "a game", "model": "draughts", "n": 2, "seed": 3}
        task = client.post("/v1/images/generations", json=asked).raise_for_status().json()
        done = _until(lambda: client.get(f"/v1/tasks/{task['task_id']}").json(), lambda it: it["status"] != "queued")
        done = _until(lambda: client.get(f"/v1/tasks/{task['task_id']}").json(), lambda it: it["status"] != "running")
        assert (done["status"], done["model"]) == ("succeeded", "draughts"), done
        sizes = [(each["width"], each["height"], each["seed"]) for each in done["output"]["images"]]
        assert sizes == [(40, 40, 3), (40, 40, 4)]
        model = next(each for each in client.get("/v1/models").json()["data"] if each["id"] == "draughts")
        assert model["licence"] == "CC0-1.0"


@pytest.mark.server
def test_what_it_offers_besides_is_one_entry_away(gateway: gateways.Running) -> None:
    with gateway.client() as client:
        found = client.get("/admin/engines/checkers/discovered").raise_for_status().json()["data"]
        (other,) = found
        assert (other["id"], other["source"]) == ("board-12x12", "12x12")
        with (gateway.data / "models.toml").open("a") as file:
            file.write(f"\n{other['entry']}")
        there = _until(
            lambda: [each["id"] for each in client.get("/v1/models").json()["data"]], lambda ids: "board-12x12" in ids
        )
        assert there == ["chess", "draughts", "board-12x12"]
        # Its author lets an administrator choose the colour over HTTP, and the gateway asks its plug-in for that.
        changed = client.patch("/admin/models/board-12x12", json={"light": "ivory"})
        assert changed.json()["entry"]["light"] == "ivory", changed.text
        assert client.patch("/admin/models/board-12x12", json={"light": "red"}).status_code == 422


def _until(look: Any, enough: Any, seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while not enough(seen := look()):
        assert time.monotonic() < end, seen
        time.sleep(0.05)
    return seen
