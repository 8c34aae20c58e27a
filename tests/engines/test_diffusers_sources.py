"""Where the diffusers engine finds a model, and what it says when it does not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engines.contract import EngineError, EngineUnavailable, ModelUnusable
from engines.diffusers.options import Options
from tests.engines.dots import load, spec


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("/nowhere/at/all", "folder is not there"),
        ("./not-here", "folder is not there"),
        ("just-a-word", "folder is not there"),
        ("bundled:nothing", "No model 'nothing' is bundled"),
        ("bundled:../contract", "is bundled"),
    ],
)
def test_a_source_that_is_none_is_refused(source: str, told: str) -> None:
    with pytest.raises(ModelUnusable, match=told):
        load(source)


def test_a_single_file_is_refused_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"x")
    with pytest.raises(ModelUnusable, match=r"single file.*save_pretrained"):
        load(file)


def test_a_hub_id_is_not_fetched_when_offline(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="set to be offline"):
        load("nobody/nothing", Options(cache=str(tmp_path), offline=True))


class GatedRepoError(OSError):
    """By the hub's name for it."""


class ConnectError(ConnectionError):
    """What an HTTP client raises when nobody answers."""


def _told_late(cause: Exception) -> Exception:
    error = OSError("Cannot load model me/dot: it is not cached")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("raised", "expected", "told"),
    [
        (GatedRepoError("401"), ModelUnusable, "accept its licence"),
        (_told_late(GatedRepoError("401")), ModelUnusable, "accept its licence"),
        (_told_late(ConnectError("refused")), EngineUnavailable, "does not answer"),
        (OSError(28, "No space left on device"), ModelUnusable, "No space left"),
        (ValueError("in /home/me/.cache/huggingface/hub/x"), ModelUnusable, "ValueError: in …/x"),
    ],
)
def test_a_download_that_breaks_off_says_who_must_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type[EngineError], told: str
) -> None:
    import diffusers

    def download(*_: Any, **__: Any) -> str:
        raise raised

    monkeypatch.setattr(diffusers.DiffusionPipeline, "download", download)
    with pytest.raises(expected, match=told):
        load("me/dot", Options(cache=str(tmp_path)), family="FluxPipeline")


async def test_a_hub_id_is_read_from_the_cache(dot_folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "models--me--dot"
    shutil.copytree(dot_folder, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    engine = load("me/dot", Options(cache=str(tmp_path), offline=True))
    assert (await engine.card(spec("me/dot"))).samplers[0] == "PLMS"
