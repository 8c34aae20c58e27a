"""From a model's source to a `Resident`: checked before anything is loaded, then loaded, placed and measured."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import diffusers
import huggingface_hub
import torch

from engines.contract import EngineError, Footprint, ModelSpec, ModelUnusable
from engines.diffusers import troubles, weights
from engines.diffusers.cards import Facts, facts_of
from engines.diffusers.options import ModelOptions, Options
from engines.diffusers.quiet import quiet
from engines.diffusers.resident import Resident, prepared
from engines.diffusers.sources import Index, find, read_index

log = logging.getLogger(__name__)
MODULAR_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""What is fetched of a modular repository: configurations, weights, tokenizers; no code and no pickles."""
LOADING_CURE = "Unload other models, or set `offload` in the model's entry."
_REPORT = re.compile(r"LOAD REPORT.* from: (.+)")
"""How transformers begins to tell which weights it missed."""


def load(model: ModelSpec, options: Options, device: str) -> Resident:
    """Raises ModelUnusable, OutOfMemory, or EngineUnavailable when a download breaks off."""
    mine: ModelOptions = model.options or ModelOptions()
    if options.threads and device == "cpu":
        torch.set_num_threads(options.threads)
    if device.startswith("cuda"):
        torch.cuda.set_device(device)  # of this thread; what names no device must not land on another lane's
    with quiet() as said, troubles.of_memory(torch.device(device), LOADING_CURE):
        folder = _folder(model, options, mine)
        index = read_index(folder)
        weights.inspect(
            folder,
            index,
            variant=mine.variant,
            without=mine.without,
            allow_pickle=mine.allow_pickle,
            trust_remote_code=mine.trust_remote_code,
        )
        facts = facts_of(model, options)
        dtype = dtype_of(facts, mine, device)
        before = _allocated(device)
        pipeline = _pipeline(folder, index, mine, dtype)
        _refuse_holes(pipeline, said)
        resident = Resident(model, facts, pipeline, device, dtype)
        _place(resident, pipeline)
        resident.footprint = _footprint(resident, before)
    log.info("loaded %s on %s as %s, %d MB", model.id, device, dtype, resident.footprint.bytes >> 20)
    return resident


def dtype_of(facts: Facts, mine: ModelOptions, device: str) -> torch.dtype:
    """`auto`: float32 on a CPU; on a GPU the half precision that most of the weights are saved in."""
    if mine.dtype != "auto":
        return _torch_dtype(mine.dtype)
    if not device.startswith("cuda"):
        return torch.float32
    counts = {"F16": 0, "BF16": 0}
    for stored in facts.weights.values():
        for kind in counts:
            counts[kind] += stored.numbers.get(kind, 0)
    told = max(counts, key=lambda kind: counts[kind])
    half = {"F16": "float16", "BF16": "bfloat16"}[told] if counts[told] else facts.family.half
    if half == "bfloat16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        half = "float16"
    return _torch_dtype(half)


def _torch_dtype(name: str) -> torch.dtype:
    return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[name]


def _folder(model: ModelSpec, options: Options, mine: ModelOptions) -> Path:
    """Where the files are, downloaded first where they are not."""
    source = find(model.source, options.cache, mine.hub_revision)
    if source.hub is None or options.offline:
        if source.folder is None:
            raise ModelUnusable(f"{model.source} is not in the cache, and the engine is set to be offline.")
        return source.folder
    place: dict[str, Any] = {"cache_dir": options.cache, "revision": mine.hub_revision}
    try:
        if facts_of(model, options).family.modular:
            return Path(huggingface_hub.snapshot_download(source.hub, allow_patterns=list(MODULAR_FILES), **place))
        wanted = {"variant": mine.variant, "use_safetensors": None if mine.allow_pickle else True}
        wanted |= {"trust_remote_code": mine.trust_remote_code, **dict.fromkeys(mine.without)}
        return Path(diffusers.DiffusionPipeline.download(source.hub, **wanted, **place))
    except EngineError:
        raise
    except Exception as error:
        raise troubles.of_download(error, model.source) from None


def _pipeline(folder: Path, index: Index, mine: ModelOptions, dtype: torch.dtype) -> Any:
    _refuse_foreign(index, mine)
    arguments: dict[str, Any] = {"trust_remote_code": mine.trust_remote_code}
    safe = None if mine.allow_pickle else True
    try:
        if index.modular:
            pipeline = diffusers.ModularPipeline.from_pretrained(str(folder), **arguments)
            pipeline.load_components(dtype=dtype, use_safetensors=safe, **arguments)
        else:
            arguments |= dict.fromkeys((*index.absent, *mine.without))
            pipeline = diffusers.DiffusionPipeline.from_pretrained(
                str(folder), dtype=dtype, variant=mine.variant, use_safetensors=safe, **arguments
            )
    except EngineError:
        raise
    except Exception as error:
        if troubles.is_shortage(error):
            raise
        raise troubles.of_loading(error, folder) from None
    return prepared(pipeline)


def _refuse_foreign(index: Index, mine: ModelOptions) -> None:
    """A component may come from diffusers and transformers only; what else model_index.json names is somebody's code."""
    if mine.trust_remote_code:
        return
    if not hasattr(diffusers, index.class_name):
        raise ModelUnusable(f"diffusers {diffusers.__version__} has no pipeline {index.class_name!r}; a newer one may.")
    for name, (library, _) in index.components.items():
        if library not in ("diffusers", "transformers") and not hasattr(diffusers.pipelines, library):
            raise ModelUnusable(
                f"The component {name!r} comes from the library {library!r}, which is not loaded."
                " Set `trust_remote_code = true` in the model's entry if you trust who made it."
            )


def _refuse_holes(pipeline: Any, said: list[str]) -> None:
    """Weights that no file had: diffusers leaves them without storage, transformers draws them and only warns."""
    holes = [
        name
        for name, part in pipeline.components.items()
        if isinstance(part, torch.nn.Module) and any(weight.is_meta for weight in part.parameters())
    ]
    reports = (_REPORT.search(text) for text in said if "MISSING" in text)
    holes += [Path(report[1].strip()).name for report in reports if report]
    if holes:
        raise ModelUnusable(f"The component {holes[0]!r} is incomplete: its files lack some of the weights.")


def _place(resident: Resident, pipeline: Any) -> None:
    """Onto the device, with the entry's memory-saving and speed settings."""
    mine, on_cuda = resident.options, resident.device.type == "cuda"
    if mine.channels_last:
        for name in ("unet", "transformer", "vae"):
            part = getattr(pipeline, name, None)
            if part is not None:
                part.to(memory_format=torch.channels_last)
    if mine.offload == "group" and on_cuda:
        pipeline.enable_group_offload(
            resident.device, offload_type="leaf_level", use_stream=True, record_stream=True, non_blocking=True
        )
    elif not on_cuda or mine.offload == "none":
        pipeline.to(resident.device)
    if mine.attention_slicing:
        pipeline.enable_attention_slicing()
    for wanted, name in ((mine.vae_slicing, "enable_slicing"), (mine.vae_tiling, "enable_tiling")):
        if wanted and hasattr(resident.vae, name):
            getattr(resident.vae, name)()
    if mine.compile:
        _compile(getattr(pipeline, "transformer", None) or pipeline.unet)


def _compile(denoiser: Any) -> None:
    """By its repeated blocks where it names them: as fast, after a seventh of the time (diffusers docs, torch.compile)."""
    if getattr(denoiser, "_repeated_blocks", None):
        denoiser.compile_repeated_blocks()
    else:
        denoiser.compile()


def _allocated(device: str) -> int:
    return int(torch.cuda.memory_allocated(device)) if device.startswith("cuda") else 0


def _footprint(resident: Resident, before: int) -> Footprint:
    """On a CPU the weights' own bytes; on a GPU what was allocated, or under offload what one component will take."""
    sizes = [sum(weight.nbytes for weight in _tensors(part)) for part in resident.modules().values()]
    if resident.device.type != "cuda":
        return Footprint(sum(sizes))
    measured = _allocated(str(resident.device)) - before
    return Footprint(max(measured, max(sizes, default=0)) if resident.options.offload == "model" else measured)


def _tensors(part: torch.nn.Module) -> list[torch.Tensor]:
    return [*part.parameters(), *part.buffers()]
