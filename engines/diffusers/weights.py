"""The weight files of a model, by their headers: what there is, how large, whether it is whole. No torch, nothing loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from engines.contract import ModelUnusable
from engines.diffusers.sources import Index, read_json

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
WIDTHS = {"F64": 8, "F32": 4, "I32": 4, "U32": 4, "I64": 8, "U64": 8, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
"""Bytes a number; every other kind has one."""
FLOATS = ("F64", "F32", "F16", "BF16")
_LONGEST_HEADER = 100 << 20
"""Bytes; what the safetensors library takes at most."""
_WEIGHTLESS = re.compile(r"(Tokenizer(Fast)?|Scheduler|Processor(Fast|Pil)?|FeatureExtractor|Guidance)$")


class Stored(Struct, frozen=True):
    """The weights of one component: how many numbers of each kind."""

    numbers: dict[str, int]

    def size(self, float_width: int | None = None) -> int:
        """Bytes; `float_width` is how wide floats will be once loaded, None: as they are saved."""
        return sum(
            count * (float_width if float_width and kind in FLOATS else WIDTHS.get(kind, 1))
            for kind, count in self.numbers.items()
        )


def stored(folder: Path, index: Index, variant: str | None = None) -> dict[str, Stored]:
    """By component, from the headers alone. Files that are missing or broken are passed over: `inspect` reports them."""
    found: dict[str, Stored] = {}
    for name in index.components:
        numbers: dict[str, int] = {}
        for file in safetensors(folder / name, variant):
            try:
                header = read_header(file)
            except ModelUnusable:
                continue
            for tensor in header.values():
                kind, count = str(tensor["dtype"]), 1
                for side in tensor["shape"]:
                    count *= side
                numbers[kind] = numbers.get(kind, 0) + count
        if numbers:
            found[name] = Stored(numbers)
    return found


def safetensors(folder: Path, variant: str | None = None) -> list[Path]:
    """The files that diffusers would load: those of the variant if the component has it, else the plain ones."""
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    ours = [file for file in files if variant and f".{variant}." in f".{file.name}".replace("-", ".")]
    return ours or [file for file in files if len(re.sub(r"-\d+-of-\d+", "", file.stem).split(".")) == 1]


def read_header(file: Path) -> dict[str, Any]:
    """Of a safetensors file. Raises ModelUnusable when the header is none, or the file is shorter than it says."""
    broken = ModelUnusable(
        f"{file.parent.name}/{file.name} is broken: it is no whole safetensors file. Download it again."
    )  # fmt: skip
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 2 <= length <= min(size - 8, _LONGEST_HEADER):
            raise broken
        try:
            header = json.loads(opened.read(length))
            header.pop("__metadata__", None)
            end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise broken from None
    if size != 8 + length + end:
        raise broken
    return dict(header)


def inspect(
    folder: Path, index: Index, *, variant: str | None, without: tuple[str, ...], allow_pickle: bool, trust_remote_code: bool
) -> None:
    """Refuse, before anything is loaded, what must not be loaded or cannot be. Raises ModelUnusable."""
    if index.custom and not trust_remote_code:
        raise _untrusted("its pipeline")
    for name, (library, class_name) in index.components.items():
        if name in without:
            continue
        place = folder / name
        if not place.is_dir():
            if index.modular:
                continue  # a modular pipeline may take its components from other places
            raise ModelUnusable(f"The component {name!r} is missing: {index.class_name} names it, but its folder is not there.")
        if not trust_remote_code and _has_code(place, library, class_name):
            raise _untrusted(f"the component {name!r}")
        if not _WEIGHTLESS.search(class_name):
            _inspect_weights(place, variant, allow_pickle)


def _inspect_weights(place: Path, variant: str | None, allow_pickle: bool) -> None:
    files = safetensors(place, variant)
    ours = list(place.glob(f"*.safetensors.index.{variant}.json")) if variant else []
    for listing in ours or place.glob("*.safetensors.index.json"):
        for shard in set(read_json(listing).get("weight_map", {}).values()):
            if not (place / shard).is_file():
                raise ModelUnusable(f"{place.name}/{shard} is missing. Download the model again.")
    for file in files:
        read_header(file)
    if files:
        return
    pickles = [file.name for file in sorted(place.iterdir()) if file.suffix in PICKLES]
    if pickles and not allow_pickle:
        raise ModelUnusable(
            f"{place.name}/{pickles[0]} is a Python pickle, which can run any code, and the model has no safetensors for it."
            " Convert it, or set `allow_pickle = true` in the model's entry if you trust who made it."
        )
    if not pickles:
        hint = " The entry could name a `variant`." if list(place.glob("*.safetensors")) else ""
        raise ModelUnusable(f"The component {place.name!r} has no weights.{hint}")


def _has_code(place: Path, library: str, class_name: str) -> bool:
    if (place / f"{library}.py").is_file() or (place / f"{library.rpartition('.')[2]}.py").is_file():
        return True
    configs = [file for file in place.glob("*config.json") if class_name.startswith("Auto")]
    return any("auto_map" in read_json(file) for file in configs)


def _untrusted(what: str) -> ModelUnusable:
    return ModelUnusable(
        f"The model brings Python code of its own ({what}), which is not run."
        " Set `trust_remote_code = true` in its entry if you trust who made it."
    )
