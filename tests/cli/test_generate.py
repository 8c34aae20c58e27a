"""`darkroom generate` against a gateway that runs."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from standin import KEY, picture, wait_until

from gateway.cli import following, gateway, progress

Darkroom = Callable[..., Result]


def test_a_picture_is_saved_under_prompt_and_seed(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", "A red circle, on blue!", "--seed", 7)
    assert result.exit_code == 0, result.stderr
    file = Path("a-red-circle-on-blue-7.png")
    assert file.read_bytes() == picture("task-1-0")
    assert result.stdout.splitlines()[0] == f"{file}  8x8, seed 7"
    assert "task-1-0" in result.stdout
    assert "http://signed/task-1-0" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("two cats",), True), (("a red Circle on blue",), False), (("two cats", "-m", "shapes"), False)],
)
def test_what_the_bundled_model_cannot_know_is_told(
    darkroom: Darkroom, running: Any, arguments: tuple[str, ...], told: bool
) -> None:
    result = darkroom("generate", *arguments)
    assert (result.exit_code, "bundled model" in result.stderr) == (0, told)


def test_every_option_reaches_the_gateway(darkroom: Darkroom, running: Any) -> None:
    darkroom(
        "generate", "x", "-m", "shapes", "--size", "64X32", "--steps", 4, "--seed", 0, "-n", 2, "--negative", "y",
        "--guidance", 1.5, "--sampler", "Euler a", "-o", "out.webp",
    )  # fmt: skip
    assert running.app.bodies == [
        {"prompt": "x", "model": "shapes", "size": "64x32", "steps": 4, "seed": 0, "n": 2, "negative_prompt": "y",
         "guidance_scale": 1.5, "sampler": "Euler a", "output_format": "webp"}
    ]  # fmt: skip


def test_what_is_left_open_is_left_out(darkroom: Darkroom, running: Any) -> None:
    darkroom("generate", "x")
    assert running.app.bodies == [{"prompt": "x", "n": 1}]


def test_a_default_name_never_overwrites(darkroom: Darkroom, running: Any) -> None:
    for _ in range(3):
        darkroom("generate", "cat", "--seed", 1)
    assert sorted(path.name for path in Path().iterdir()) == ["cat-1-2.png", "cat-1-3.png", "cat-1.png"]


def test_a_prompt_without_a_word_has_a_name_too(darkroom: Darkroom, running: Any) -> None:
    darkroom("generate", "!!!", "--seed", 1)
    assert Path("picture-1.png").is_file()


def test_a_named_file_is_overwritten(darkroom: Darkroom, running: Any) -> None:
    Path("out.png").write_bytes(b"before")
    assert darkroom("generate", "cat", "-o", "out.png").exit_code == 0
    assert Path("out.png").read_bytes() == picture("task-1-0")


def test_several_pictures_are_numbered(darkroom: Darkroom, running: Any) -> None:
    darkroom("generate", "cat", "-n", 2, "-o", "out.png")
    assert sorted(path.name for path in Path().iterdir()) == ["out-1.png", "out-2.png"]


def test_a_folder_takes_pictures_under_their_own_names(darkroom: Darkroom, running: Any) -> None:
    Path("cats").mkdir()
    darkroom("generate", "cat", "-n", 2, "--seed", 3, "-o", "cats")
    assert sorted(path.name for path in Path("cats").iterdir()) == ["cat-3.png", "cat-4.png"]


def test_standard_output_takes_the_picture_alone(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", "cat", "-o", "-")
    assert result.stdout_bytes == picture("task-1-0")
    assert "task-1-0" in result.stderr


def test_a_file_whose_name_says_another_format_is_pointed_out(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", "cat", "-o", "out.jpg")
    assert "image/png" in result.stderr
    assert Path("out.jpg").exists()


def test_json_has_the_envelope_and_the_files(darkroom: Darkroom, running: Any) -> None:
    answer = json.loads(darkroom("generate", "cat", "-n", 2, "-o", "o.png", "--json").stdout)
    assert answer["status"] == "succeeded"
    assert [image["file"] for image in answer["output"]["images"]] == ["o-1.png", "o-2.png"]


def test_a_gateway_without_streams_is_polled(darkroom: Darkroom, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "ASK_EVERY", 0.01)
    assert darkroom("generate", "silent cat", "-o", "out.png").exit_code == 0
    assert Path("out.png").exists()


def test_another_gateway_is_named_with_its_key(darkroom: Darkroom, running: Any, data: Path) -> None:
    (data / "server.json").unlink()
    assert darkroom("generate", "cat", "-o", "a.png", "--server", running.url, "--key", KEY).exit_code == 0
    assert darkroom("generate", "cat", "-o", "b.png", "--server", running.url, "--key", "-", input=KEY + "\n").exit_code == 0
    assert Path("b.png").exists()


def test_a_wrong_key_is_told_with_the_way_to_a_right_one(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", "cat", "--key", "dk_wrong")
    assert result.exit_code == 1
    assert "This key is not known." in result.stderr
    assert "--key" in result.stderr


def test_a_refusal_is_told_in_the_gateways_words(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", "refuse this")
    assert result.exit_code == 1
    assert result.stderr == "Error: size must be at most 512x512.\n"


def test_a_failed_job_is_told_in_the_gateways_words(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", "fail this")
    assert result.exit_code == 1
    assert result.stderr == "Error: The device is too small for this. (out_of_memory)\n"
    assert list(Path().iterdir()) == []


def test_another_model_that_stepped_in_is_told(darkroom: Darkroom, running: Any) -> None:
    said = darkroom("generate", "a red circle, made elsewhere", "-o", "out.png")
    assert said.exit_code == 0
    assert "Not made by cloud but by shapes: The cloud is away." in said.stderr


def test_fewer_pictures_than_asked_are_kept_and_told(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", "half a cat", "-n", 2, "-o", "cat.png")
    assert result.exit_code == 1
    assert "Only 1 of 2" in result.stderr
    assert Path("cat.png").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["cat", "-o", "no/such/folder.png"], "no/such"),
        (["cat", "-o", "-", "-n", "2"], "one picture"),
        (["cat", "-o", "-", "--json"], "--json"),
        (["cat", "--size", "large"], "512x768"),
        (["cat", "-n", "0"], "0"),
        ([" "], "PROMPT"),
        ([], "PROMPT"),
    ],
)
def test_usage_errors_come_before_anything_is_made(arguments: list[str], word: str, darkroom: Darkroom, running: Any) -> None:
    result = darkroom("generate", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert running.app.bodies == []


def test_a_disk_that_does_not_take_the_picture_is_told_with_where_it_is_kept(darkroom: Darkroom, running: Any) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("platform: no /dev/full")
    result = darkroom("generate", "cat", "-o", "/dev/full")
    assert result.exit_code == 1
    assert "http://signed/task-1-0" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_the_job(number: int, darkroom: Darkroom, running: Any) -> None:
    def interrupt() -> None:
        wait_until(lambda: running.app.tasks and running.app.tasks["task-1"]["status"] == "running")
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt).start()
    result = darkroom("generate", "slow cat")
    assert result.exit_code == 130
    assert running.app.tasks["task-1"]["status"] == "canceled"
    assert "task-1 is canceled" in result.stderr


def test_a_gateway_that_does_not_answer_is_told(darkroom: Darkroom) -> None:
    result = darkroom("generate", "cat", "--server", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "127.0.0.1:9" in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x:99999", "http://[x"])
def test_what_is_no_address_is_a_usage_error(url: str, darkroom: Darkroom) -> None:
    result = darkroom("generate", "cat", "--server", url)
    assert result.exit_code == 2
    assert "such as http://127.0.0.1:7878" in result.stderr


@pytest.mark.parametrize(
    ("envelope", "said"),
    [
        ({"status": "queued", "progress": {"queue_position": 3, "eta_seconds": 12.4}}, "queued, place 3, about 12 s"),
        ({"status": "queued", "progress": None}, "queued"),
        ({"status": "running", "progress": {"reason": "the model is being loaded", "steps": 0}}, "the model is being loaded"),
        ({"status": "running", "progress": {"step": 4, "steps": 20}}, "step 4 of 20"),
        ({"status": "running", "progress": {}}, "starting"),
        ({"status": "succeeded"}, "succeeded"),
    ],
)
def test_progress_in_words(envelope: dict[str, Any], said: str) -> None:
    assert progress.words(envelope) == said


def test_only_what_answers_as_a_gateway_counts_as_one(running: Any) -> None:
    assert gateway.answers(running.url)
    assert not gateway.answers("http://127.0.0.1:9")
