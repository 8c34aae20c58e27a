"""What the doctor looks at: folders, links, versions, devices, engines, models, marks."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny_engine import MODEL, TINY, Stillborn, Tiny

from gateway.catalog import Catalog, DeviceEntry, Settings
from gateway.catalog.settings import Chat, Marking
from gateway.cli.checks import Finding, folders, machine, offer
from gateway.registry import Registry
from gateway.wiring import Wiring
from gateway.workers.devices import Device


def levels(found: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.level, finding.subject) for finding in found]


def only(found: Iterable[Finding], level: str) -> Finding:
    (finding,) = [finding for finding in found if finding.level == level]
    assert finding.cure
    return finding


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    return Wiring(data=tmp_path / "data")


# ---------------------------------------------------------------------------------------------- folders and links


def test_a_folder_that_is_not_there_is_tried_above(wiring: Wiring) -> None:
    (finding,) = folders.folders(wiring)
    assert finding.level in ("ok", "warning")
    assert "made at the first start" in finding.text
    assert not wiring.data.exists()


def test_a_file_in_the_way_is_a_problem(wiring: Wiring) -> None:
    wiring.data.write_text("a file")
    assert "in the way" in only(folders.folders(wiring), "problem").text


def test_a_folder_that_cannot_be_written_is_a_problem(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders.tempfile, "TemporaryFile", refuse)
    assert "Permission denied" in only(folders.folders(wiring), "problem").text


@pytest.mark.parametrize(("free", "level"), [(10 << 20, "problem"), (2 << 30, "warning"), (100 << 30, "ok")])
def test_room_on_the_disk(free: int, level: str, wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 0, free))  # type: ignore[attr-defined]
    assert levels(folders.folders(wiring)) == [(level, "data")]


def test_pictures_elsewhere_are_looked_at_too(wiring: Wiring, tmp_path: Path) -> None:
    other = Wiring(data=wiring.data, blobs=(tmp_path / "pictures").as_uri())
    assert [subject for _, subject in levels(folders.folders(other))] == ["data", "pictures"]
    far = Wiring(data=wiring.data, blobs="s3://bucket/x", database_url="postgresql+asyncpg://me:secret@db/x")
    found = list(folders.folders(far))
    assert [finding.subject for finding in found] == ["data", "pictures", "database"]
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({}, "ok"),
        ({"host": "localhost"}, "ok"),
        ({"host": "0.0.0.0"}, "warning"),
        ({"host": "0.0.0.0", "public_url": "https://pictures.example.org"}, "ok"),
        ({"public_url": "http://pictures.example.org"}, "warning"),
        ({"public_url": "http://127.0.0.1:7878"}, "ok"),
    ],
)
def test_links(fields: dict[str, str], level: str, tmp_path: Path) -> None:
    assert levels(folders.public_url(Wiring(data=tmp_path, **fields))) == [(level, "links")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "trusted", "level"),
    [
        (None, (), []),
        ("http://127.0.0.1:7878", (), []),
        ("https://pictures.example.org", (), ["warning"]),
        ("https://pictures.example.org", ("10.0.0.0/8",), ["ok"]),
    ],
)
def test_proxies(url: str | None, trusted: tuple[str, ...], level: list[str], tmp_path: Path) -> None:
    assert [each.level for each in folders.proxies(Wiring(data=tmp_path, public_url=url), trusted)] == level


# ---------------------------------------------------------------------------------------------- the machine


def test_versions_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_version", lambda name: None if name == "torch" else "1.0")
    found = list(machine.versions())
    assert "SQLite" in found[0].text
    assert "torch" in only(found, "warning").text
    assert "[local]" in only(found, "warning").cure


def test_little_memory_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    now = psutil.virtual_memory()._replace(available=1 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: now)
    assert "1.0 GiB free" in only(machine.memory(), "warning").text


GPU = {"name": "RTX", "free": 20 << 30, "total": 24 << 30}


@pytest.mark.parametrize(
    ("seen", "driver", "wanted", "expected"),
    [
        ([], [], {}, ["ok"]),
        ([GPU], ["cuda:0"], {"gpu": "cuda:0"}, ["ok"]),
        ([GPU], ["cuda:0"], {"second": "cuda:1"}, ["ok", "problem"]),
        ([], ["cuda:0"], {}, ["ok", "problem"]),
        ("ImportError: libcudart.so", [], {}, ["problem"]),
    ],
)
def test_devices(
    seen: Any, driver: list[str], wanted: Mapping[str, str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_probe", lambda: seen)
    monkeypatch.setattr(machine, "listed", lambda: [Device(name, "RTX", 24 << 30) for name in ["cpu", *driver]])
    entries = {name: DeviceEntry(name=name, device=device) for name, device in wanted.items()}
    assert [level for level, _ in levels(machine.devices(entries))] == expected


@pytest.mark.slow
def test_torch_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('run from the folder that it was started in')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(machine._probe(), list)
    monkeypatch.setattr(machine, "PROBE", "raise SystemExit('no driver')")
    assert machine._probe() == "no driver"
    monkeypatch.setattr(machine, "PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(machine, "SECONDS_TO_PROBE", 0.1)
    assert "did not answer" in str(machine._probe())


# ---------------------------------------------------------------------------------------------- engines and models


def test_every_problem_of_models_toml_is_a_line(wiring: Wiring) -> None:
    wiring.data.mkdir()
    wiring.models_path.write_text("[engine]\n[setings]\n")
    catalog, found = offer.catalog(wiring, Registry({"tiny": Tiny}))
    assert catalog is None
    assert levels(found) == [("problem", "models.toml")] * 2


def test_the_packaged_file_stands_in_before_the_first_start(
    wiring: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packaged.toml").write_text(TINY + MODEL)
    monkeypatch.setattr(offer, "packaged_models_file", lambda: tmp_path / "packaged.toml")
    catalog, found = offer.catalog(wiring, Registry({"tiny": Tiny}))
    assert catalog is not None
    assert list(catalog.models) == ["dot"]
    assert "made at the first start" in found[0].text
    assert not wiring.data.exists()


def looked_at(text: str, wiring: Wiring, plugins: Registry) -> list[Finding]:
    wiring.data.mkdir()
    wiring.models_path.write_text(text)
    catalog, _ = offer.catalog(wiring, plugins)
    assert catalog is not None
    return list(offer.engines_and_models(catalog, plugins))


def test_a_model_without_weights_is_a_problem(wiring: Wiring) -> None:
    text = TINY + MODEL + MODEL.replace("dot", "lost").replace('"here"', '"nowhere"')
    found = looked_at(text, wiring, Registry({"tiny": Tiny}))
    assert levels(found) == [("ok", "engines"), ("ok", "models"), ("problem", "models")]
    assert "no weights at nowhere" in only(found, "problem").text


def test_an_engine_that_does_not_start_is_a_problem(wiring: Wiring) -> None:
    found = looked_at(TINY, wiring, Registry({"tiny": Stillborn}))
    assert "no luck" in only(found, "problem").text


def test_an_engine_whose_plugin_is_broken_is_a_problem(wiring: Wiring) -> None:
    found = looked_at(TINY + MODEL, wiring, Registry({}, {"tiny": "the plugin tiny does not load: ImportError"}))
    assert levels(found) == [("problem", "engines"), ("problem", "models")]


def test_two_plugins_of_one_name_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def discover() -> Registry:
        from gateway.errors import ConfigurationError

        raise ConfigurationError("Two engine plugins are called x")

    monkeypatch.setattr(Registry, "discover", discover)
    assert levels(offer.registry()[1]) == [("problem", "engines")]


def test_marks_that_are_off_are_a_warning() -> None:
    assert "by a machine" in only(offer.marks(Catalog(settings=Settings(marking=Marking(enabled=False)))), "warning").text
    assert "C2PA" in list(offer.marks(Catalog()))[-1].text


def test_a_language_model_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(offer.chat(Catalog())) == []
    asked = Catalog(settings=Settings(chat=Chat(base_url="http://127.0.0.1:11434/v1", model="qwen")))
    monkeypatch.setattr(offer, "find_spec", lambda _: object())
    assert [each.text for each in offer.chat(asked)] == ["the language model is qwen"]
    monkeypatch.setattr(offer, "find_spec", lambda _: None)
    assert "darkroom-gateway[chat]" in only(offer.chat(asked), "problem").cure
