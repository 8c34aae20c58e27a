"""Where a model lies: a folder, `bundled:NAME`, or a hub id in the local Hugging Face cache. No torch, no network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from engines.contract import ModelUnusable

BUNDLED = Path(__file__).parent
"""`bundled:shapes` is the folder `shapes` beside this file."""
INDEX, MODULAR_INDEX = "model_index.json", "modular_model_index.json"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class Source(Struct, frozen=True):
    """`hub` is set for a hub id; `folder` where the files are, None for a hub id that is not in the cache."""

    folder: Path | None
    hub: str | None = None


class Index(Struct, frozen=True):
    """What model_index.json says."""

    class_name: str
    components: dict[str, tuple[str, str]]
    """Name -> (library, class)."""
    absent: tuple[str, ...]
    """Components that are null: the pipeline does without."""
    values: dict[str, Any]
    """The pipeline's own settings, such as `is_distilled`."""
    custom: bool
    """The pipeline's class is Python code that comes with the model."""
    modular: bool = False


def find(source: str, cache: str | None = None, revision: str | None = None) -> Source:
    """Raises ModelUnusable for a source that is neither a folder, nor bundled, nor a hub id."""
    scheme, _, name = source.partition(":")
    if scheme == "bundled":
        return Source(_bundled(name))
    path = Path(source).expanduser()
    if path.is_dir():
        return Source(path)
    if path.is_file():
        raise ModelUnusable(
            "The source is a single file. The diffusers engine loads folders in diffusers' layout"
            f" (with a {INDEX}); convert it with diffusers' from_single_file(...).save_pretrained(FOLDER)."
        )
    if path.is_absolute() or source.startswith((".", "~")) or not _HUB_ID.fullmatch(source):
        raise ModelUnusable("The model's folder is not there. `source` is a folder, bundled:NAME, or a hub id (owner/name).")
    return Source(_cached(source, cache, revision), source)


def read_index(folder: Path) -> Index:
    """Raises ModelUnusable where there is none, or it is not one."""
    for name in (INDEX, MODULAR_INDEX):
        if (folder / name).is_file():
            return _parsed(read_json(folder / name), modular=name == MODULAR_INDEX)
    raise ModelUnusable(f"The model's folder has no {INDEX}: it is no model in diffusers' layout, or its download broke off.")


def read_json(file: Path) -> dict[str, Any]:
    """Raises ModelUnusable, naming the file by its last two parts, for what is not a JSON object."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{file.parent.name}/{file.name} cannot be read: {type(error).__name__}.") from None
    if not isinstance(told, dict):
        raise ModelUnusable(f"{file.parent.name}/{file.name} is no JSON object.")
    return told


def _bundled(name: str) -> Path:
    folder = BUNDLED / name
    if not _NAME.fullmatch(name) or not (folder / INDEX).is_file():
        there = sorted(index.parent.name for index in BUNDLED.glob(f"*/{INDEX}"))
        raise ModelUnusable(f"No model {name!r} is bundled. Bundled: {', '.join(there) or 'none'}.")
    return folder


def _cached(hub: str, cache: str | None, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    for name in (INDEX, MODULAR_INDEX):
        file = try_to_load_from_cache(hub, name, cache_dir=cache, revision=revision)
        if isinstance(file, str):
            return Path(file).parent
    return None


def _parsed(told: dict[str, Any], *, modular: bool) -> Index:
    name = told.get("_class_name")
    custom = isinstance(name, list)
    if custom:
        name = name[-1] if name else None
    if not isinstance(name, str):
        raise ModelUnusable(f"{INDEX} names no pipeline class (_class_name).")
    parts = {key: value for key, value in told.items() if isinstance(value, list) and len(value) >= 2 and key[0] != "_"}
    return Index(
        class_name=name,
        components={key: (value[0], value[1]) for key, value in parts.items() if all(isinstance(v, str) for v in value[:2])},
        absent=tuple(key for key, value in parts.items() if value[:2] == [None, None]),
        values={key: value for key, value in told.items() if key not in parts and not key.startswith("_")},
        custom=custom or "auto_map" in told,
        modular=modular,
    )
