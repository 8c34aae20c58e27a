"""`darkroom images`: pictures that people had before, into the gallery."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gateway.cli.errors import CANCELED, FAILED, CommandFailed, GatewayGone, Refused, stop
from gateway.cli.interrupts import term_as_interrupt
from gateway.cli.output import note, print_json
from gateway.cli.reach import Reach, reach_options, reached

if TYPE_CHECKING:
    from gateway.cli.bringing.folder import File
    from gateway.cli.bringing.sending import Wish
    from gateway.cli.bringing.tally import Outcome, Tally
    from gateway.cli.bringing.watching import States
    from gateway.cli.gateway import Gateway

SECONDS_TO_TRY_AGAIN = 3.0
_NOT_NOW = (401, 500, 502, 503, 504)
"""What a gateway answers that restarts, or that has another key for this machine's command since it did."""


@click.group()
def images() -> None:
    """Bring pictures into the gallery.

    \b
    Examples:
      darkroom images import ~/stable-diffusion-webui/outputs
      darkroom images import ~/ComfyUI/output --watch
    """


@images.command("import", short_help="Take the pictures of a folder into the gallery.")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--watch", is_flag=True, help="Go on, and take each new picture once it is finished, until Ctrl-C.")
@click.option(
    "--in-place", is_flag=True,
    help="Leave the pictures where they lie, on the gateway's own machine: for administrators, and folders that "
    "[settings.imports] in models.toml lists.",
)  # fmt: skip
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag for every picture; may be given several times.")
@click.option("--no-folder-tags", is_flag=True, help="Do not make tags of the names of the folders inside DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, with every file that was refused.")
@reach_options
def import_(
    folder: Path, watch: bool, in_place: bool, tags: tuple[str, ...], no_folder_tags: bool, as_json: bool, reach: Reach
) -> None:
    """Take the pictures of the folder DIR, and of all folders inside, into the gallery.

    PNG, JPEG, WebP and GIF files of A1111, ComfyUI, InvokeAI, SwarmUI or anything else: they are kept byte for byte, and
    what they say about their making (prompt, seed, model, steps) becomes searchable. A picture's date is its metadata's,
    else its file's; the names of the folders inside DIR become its tags.

    What the gallery has already is not sent again: run the same command as often as you like, and after it was stopped
    it goes on where it was. Files that cannot be read are listed at the end, and never stop the others.

    \b
    Examples:
      darkroom images import ~/stable-diffusion-webui/outputs
      darkroom images import ~/ComfyUI/output --watch
      darkroom images import ~/invokeai/outputs/images --tag invokeai
      darkroom images import /srv/pictures --in-place
      darkroom images import ./out --server https://pictures.example.org --key dk_…
    """
    from gateway.cli.bringing import tally
    from gateway.cli.bringing.sending import Wish

    if watch and as_json:
        raise click.UsageError("--json tells how one pass ended, and --watch does not end; take one of them")
    wish = Wish(folder.resolve(), in_place, tags, folder_tags=not no_folder_tags)
    told: Tally = tally.Tally()
    taken: States = {}
    try:
        with term_as_interrupt():
            if watch:
                _from_now_on(reach, wish, told, taken)
            with _connected(reach) as gateway:
                _pass(gateway, wish, told, taken)
    except GatewayGone as error:
        if not told.counts:
            raise
        raise GatewayGone(f"{error.message}\nSo far: {told.words()}. The same command goes on from there.") from None
    except KeyboardInterrupt:
        if watch:
            click.echo(told.words())
            stop(0)
        note("Stopped; the same command goes on where this one was.")
        told.tell()
        stop(CANCELED)
    if as_json:
        print_json(told.as_json())
    else:
        told.tell()
        if not told.counts:
            note(f"There is no PNG, JPEG, WebP or GIF file in {folder}.")
    if told.refused:
        stop(FAILED)


def _pass(gateway: Gateway, wish: Wish, told: Tally, taken: States, *, finished_only: bool = False) -> None:
    """Once through the folder, without what was taken. `finished_only`: a file that was just written waits for the watch."""
    from gateway.cli.bringing import folder, watching

    if wish.in_place:
        gateway.post("/admin/imports", {"folder": str(wish.folder)})
    found = list(folder.pictures(wish.folder, told.trouble))
    told.passed_over = found.count(None)
    now = time.time()
    files = [
        each
        for each in found
        if each is not None and not (finished_only and abs(now - each.modified_ns / 1e9) < watching.SETTLED_SECONDS)
    ]
    _take(gateway, wish, files, told, taken)


def _take(gateway: Gateway, wish: Wish, files: list[File], told: Tally, taken: States) -> None:
    from gateway.cli.bringing import sending, tally

    states = {file.name: file.state for file in files if taken.get(file.name) != file.state}
    with tally.bar(len(states)) as show:

        def done(outcomes: list[Outcome]) -> None:
            told.count(outcomes)
            taken.update({each["path"]: states[each["path"]] for each in outcomes})
            show(len(outcomes), told.words())

        sending.send_all(gateway, wish, [file for file in files if file.name in states], done)


def _from_now_on(reach: Reach, wish: Wish, told: Tally, taken: States) -> NoReturn:
    """What there is, and then whatever comes."""
    from gateway.cli.bringing import watching

    _persistently(reach, lambda gateway: _pass(gateway, wish, told, taken, finished_only=True))
    told.tell()
    note(f"Watching {wish.folder}; Ctrl-C ends it.")
    for files in watching.finished(wish.folder, taken, lambda name, reason: note(f"{name}: {reason}")):
        if files:
            before = told.words()
            refused = len(told.refused)
            _persistently(reach, partial(_take, wish=wish, files=files, told=told, taken=taken))
            for each in told.refused[refused:]:
                note(f"{each['path']}: {each['reason']}")
            if told.words() != before:
                click.echo(told.words())
    raise KeyboardInterrupt


def _persistently(reach: Reach, work: Callable[[Gateway], None]) -> None:
    """Until there is a gateway that does it: one that restarts may have another port, and another key for us."""
    is_told = False
    while True:
        try:
            with _connected(reach) as gateway:
                return work(gateway)
        except (GatewayGone, Refused) as error:
            if isinstance(error, Refused) and (error.status not in _NOT_NOW or (error.status == 401 and reach.key)):
                raise
            if not is_told:
                note(f"{error.message}\nTrying again until it works; Ctrl-C ends it.")
            is_told = True
        time.sleep(SECONDS_TO_TRY_AGAIN)


@contextlib.contextmanager
def _connected(reach: Reach) -> Iterator[Gateway]:
    """The gateway that is meant, looked for anew. Raises GatewayGone where none runs."""
    import httpx

    from gateway.cli.bringing.sending import SECONDS_TO_ANSWER

    try:
        gateway = reached(reach)
    except CommandFailed as error:
        raise GatewayGone(error.message) from None
    gateway.client.timeout = httpx.Timeout(SECONDS_TO_ANSWER, connect=5.0)
    with gateway:
        yield gateway
