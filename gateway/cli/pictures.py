"""Where pictures are saved: the file that was asked for, or a name made of the prompt and the seed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.errors import CommandFailed
from gateway.cli.output import note
from gateway.images.file_names import slug

EXTENSIONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
STANDARD_OUTPUT = Path("-")


def check(output: Path | None, count: int) -> None:
    """Raises a usage error for what could not be written anyway, before anything is made."""
    if output == STANDARD_OUTPUT and count > 1:
        raise click.BadParameter("standard output takes one picture; leave --n out", param_hint="'-o'")
    if output is None or output == STANDARD_OUTPUT or output.is_dir():
        return
    if not output.parent.is_dir():
        raise click.BadParameter(f"there is no folder {output.parent}", param_hint="'-o'")


def wanted_format(output: Path | None) -> str | None:
    """What the file's ending asks of the gateway; None leaves it to the gateway (PNG)."""
    asked = FORMATS.get(output.suffix.lower()) if output else None
    return None if asked == "png" else asked


def save(data: bytes, media_type: str, image: dict[str, Any], prompt: str, output: Path | None, place: tuple[int, int]) -> Path:
    """Write one picture, number `place[0]` of `place[1]`, and say where. Raises CommandFailed when that fails."""
    extension = EXTENSIONS.get(media_type, ".bin")
    try:
        if output == STANDARD_OUTPUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return output
        if output is None or output.is_dir():
            mark = image.get("seed") if image.get("seed") is not None else str(image.get("artifact_id", ""))[-8:]
            return _save_new(data, output or Path(), f"{slug(prompt) or 'picture'}-{mark}", extension)
        path = output if place[1] == 1 else output.with_name(f"{output.stem}-{place[0]}{output.suffix}")
        if path.suffix and FORMATS.get(path.suffix.lower(), "") != FORMATS.get(extension):
            note(f"{path} holds a picture of the kind {media_type}, whatever its name says.")
        path.write_bytes(data)
        return path
    except OSError as error:
        raise CommandFailed(
            f"{error.filename or output}: {error.strerror}. The picture is kept by the gateway: {image.get('url')}"
        ) from None


def _save_new(data: bytes, folder: Path, name: str, extension: str) -> Path:
    """Never onto a file that is there: the name gets a number then."""
    number = 1
    while True:
        path = folder / f"{name}{'' if number == 1 else f'-{number}'}{extension}"
        try:
            with path.open("xb") as file:
                file.write(data)
            return path
        except FileExistsError:
            number += 1
