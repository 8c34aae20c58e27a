"""`darkroom generate`: a picture from a prompt, in one command."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.errors import CANCELED, FAILED, CommandFailed, stop
from gateway.cli.interrupts import term_as_interrupt
from gateway.cli.output import note, print_json
from gateway.cli.reach import Reach, reach_options

if TYPE_CHECKING:
    from gateway.cli.following import Envelope
    from gateway.cli.session import Session

SECONDS_TO_CANCEL = 10.0
"""A job that runs stops at its next step."""
SIZE = r"\d+x\d+"
BUNDLED, DRAWS = "shapes", ("circle", "square", "triangle", "star", "ring", "cross", "shape")
"""The model that comes along, and what it can draw."""


def _size(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    import re

    if value is not None and not re.fullmatch(SIZE, value.lower()):
        raise click.BadParameter("give width x height in pixels, such as 512x768")
    return value and value.lower()


@click.command()
@click.argument("prompt")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Where the picture goes (FILE-1, FILE-2 … for several; a folder; - for standard output). "
    "Else a new file in this folder, named after prompt and seed.",
)  # fmt: skip
@click.option("-m", "--model", metavar="ID", help="Which model; `darkroom models` lists them. Else the best one that is there.")
@click.option("--size", metavar="WxH", callback=_size, help="In pixels, such as 512x768. Else the model's standard size.")
@click.option("--steps", type=int, metavar="N", help="Denoising steps: more take longer and are finer.")
@click.option("--seed", type=int, metavar="N", help="The same seed makes the same picture again. Else one is drawn, and told.")
@click.option(
    "-n", "--n", "count", type=click.IntRange(min=1), default=1, metavar="N", help="How many pictures, each of its own seed."
)
@click.option("--negative", metavar="TEXT", help="What shall not be in the picture.")
@click.option("--guidance", type=float, metavar="X", help="How closely the prompt is followed.")
@click.option("--sampler", metavar="NAME", help="By its usual name, such as `Euler a` or `DPM++ 2M`.")
@click.option("--json", "as_json", is_flag=True, help="Print the gateway's answer and the files as JSON.")
@reach_options
def generate(prompt: str, output: Path | None, count: int, as_json: bool, reach: Reach, **asked: Any) -> None:
    """Make a picture from PROMPT and save it.

    A running gateway does it: the one that --server names, else the one on this machine. Where none runs, one is
    started for this and stopped again. Ctrl-C cancels the job.

    \b
    Examples:
      darkroom generate "a red circle on a blue background"
      darkroom generate "a large yellow star" --seed 7 -o star.png
      darkroom generate "a red square above a blue ring" -n 4 --size 512x512 --negative "black" -o pair.png
      darkroom generate "a lighthouse" --server https://pictures.example.org --key dk_…
    """
    from gateway.cli import pictures, session

    if not prompt.strip():
        raise click.BadParameter("say what the picture shall show", param_hint="'PROMPT'")
    if as_json and output == pictures.STANDARD_OUTPUT:
        raise click.UsageError("--json and -o - would both write to standard output; take one of them")
    pictures.check(output, count)
    try:
        with term_as_interrupt(), session.opened(reach) as opened:
            envelope = _made(opened, _body(prompt, count, pictures.wanted_format(output), asked))
            files = _saved(opened, envelope, prompt, output)
    except KeyboardInterrupt:
        stop(CANCELED)
    if as_json:
        images = [{**image, "file": str(path)} for image, path in files]
        print_json({**envelope, "output": {**envelope["output"], "images": images}})
    else:
        _report(files, is_private=opened.is_private, quiet=output == pictures.STANDARD_OUTPUT)
    for left in envelope.get("moved_from", ()):
        note(f"Not made by {left['model']} but by {envelope['model']}: {left['message']}")
    if asked["model"] is None and envelope["model"] == BUNDLED and not any(each in prompt.lower() for each in DRAWS):
        note(
            "Made by the bundled model, which knows colored shapes only; models.toml has entries for those that know the world."
        )
    if len(files) < count:
        note(f"Only {len(files)} of {count} pictures were made.")
        stop(FAILED)


def _body(prompt: str, count: int, output_format: str | None, asked: dict[str, Any]) -> dict[str, Any]:
    """What the Tasks surface takes; what was left open is left out."""
    body = {
        "prompt": prompt,
        "n": count,
        "model": asked["model"],
        "size": asked["size"],
        "steps": asked["steps"],
        "seed": asked["seed"],
        "negative_prompt": asked["negative"],
        "guidance_scale": asked["guidance"],
        "sampler": asked["sampler"],
        "output_format": output_format,
    }
    return {name: value for name, value in body.items() if value is not None}


def _made(opened: Session, body: dict[str, Any]) -> Envelope:
    """Submit and follow. Raises CommandFailed with the job's own message; Ctrl-C cancels it and ends with 130."""
    from gateway.cli import following, progress

    with _interrupt_afterwards() as interrupted:
        task_id: str = opened.gateway.post("/v1/images/generations", body)["task_id"]
    try:
        if interrupted:
            raise KeyboardInterrupt
        with progress.bar() as show:
            envelope = following.follow(opened, task_id, show)
    except KeyboardInterrupt:
        last = following.canceled(opened.gateway, task_id, wait_seconds=SECONDS_TO_CANCEL)
        note(f"Canceled: {task_id} is {last.get('status') if last else 'no longer to be asked about'}.")
        stop(CANCELED)
    if envelope["status"] != "succeeded":
        error = envelope.get("error") or {}
        told = error.get("message") or f"The job {task_id} was {envelope['status']}."
        raise CommandFailed(f"{told} ({error['code']})" if error.get("code") else told)
    return envelope


def _saved(opened: Session, envelope: Envelope, prompt: str, output: Path | None) -> list[tuple[dict[str, Any], Path]]:
    from gateway.cli import pictures

    images = envelope["output"]["images"]
    files = []
    for number, image in enumerate(images, start=1):
        # Not by its `url`: that is how others reach the gateway, perhaps through a name that this machine lacks.
        data, media_type = opened.gateway.bytes(f"/v1/images/{image['artifact_id']}/content")
        files.append((image, pictures.save(data, media_type, image, prompt, output, (number, len(images)))))
    return files


def _report(files: list[tuple[dict[str, Any], Path]], *, is_private: bool, quiet: bool) -> None:
    for image, path in files:
        seed = "" if image.get("seed") is None else f", seed {image['seed']}"
        lines = f"{path}  {image['width']}x{image['height']}{seed}\n  id   {image['artifact_id']}\n  url  {image['url']}"
        # With -o - standard output is the picture's.
        click.echo(lines, err=quiet)
    if is_private:
        note("The url opens while a gateway runs: `darkroom serve`.")


@contextlib.contextmanager
def _interrupt_afterwards() -> Iterator[list[int]]:
    """Hold a first Ctrl-C back while a job is handed over: it could not be canceled before its id is known."""
    held: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield held
        return

    def hold(number: int, frame: object) -> None:
        if held:
            raise KeyboardInterrupt
        held.append(number)

    previous = signal.signal(signal.SIGINT, hold)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, previous)
