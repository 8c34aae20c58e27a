"""Changes of models.toml by program: comments and order stay, and the file is changed whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from gateway import files
from gateway.catalog.entries import Catalog
from gateway.catalog.loading import Plugins, parse
from gateway.errors import CatalogError, WrongState

_turn = threading.Lock()
"""Two edits by program follow each other; edits by hand are noticed."""


Change = Callable[[tomlkit.TOMLDocument], tomlkit.TOMLDocument | None]
"""Alters the document, or answers with another."""


def edit(path: Path, change: Change, plugins: Plugins) -> Catalog:
    """Let `change` alter the document, see that the result is valid, put it in the file's place.

    Raises CatalogError, whether the file was wrong before or would be, and WrongState when somebody saved the file
    meanwhile: then nothing is written. Blocks.
    """
    with _turn:
        before = path.read_text("utf-8")
        try:
            document = tomlkit.parse(before)
        except TOMLKitError as error:
            raise CatalogError([f"this is not TOML: {error}"]) from error
        other = change(document)
        text = tomlkit.dumps(document if other is None else other)
        catalog = parse(text, plugins)
        if path.read_text("utf-8") != before:
            raise WrongState("models.toml was saved by somebody else just now; look at it and try again.")
        files.replace(path, text.encode(), path.stat().st_mode & 0o777)
        return catalog
