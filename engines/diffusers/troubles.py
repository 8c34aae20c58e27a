"""What goes wrong inside torch, diffusers and the hub -> the contract's errors, in words for the person who asked."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from engines.contract import EngineCrashed, EngineError, EngineUnavailable, ModelUnusable, OutOfMemory
from engines.diffusers.resident import free

log = logging.getLogger(__name__)
_PATH = re.compile(r"(?<![\w.])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\'\"`,;:]+){2,}[/\\]?")
_LONGEST = 300


@contextmanager
def of_memory(device: torch.device, cure: str) -> Iterator[None]:
    """MemoryError and its kin become OutOfMemory, after what was half made has been given back."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_shortage(error):
            raise
        traceback.clear_frames(error.__traceback__)  # they hold the tensors
        free(device)
        raise OutOfMemory(f"{device} has not enough memory for this. {cure}") from None


def is_shortage(error: BaseException) -> bool:
    """torch says it by a kind of its own on a GPU, and by words on a CPU."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def of_running(error: Exception, folder: Path | None) -> EngineCrashed:
    log.error("a run broke off", exc_info=error)
    return EngineCrashed(f"The pipeline broke off: {told(error, folder)}")


def of_loading(error: Exception, folder: Path) -> ModelUnusable:
    log.error("a model could not be loaded", exc_info=error)
    component = _component(error)
    where = f"The component {component!r} cannot be loaded" if component else "The model cannot be loaded"
    return ModelUnusable(f"{where}: {told(error, folder)}")


def of_download(error: Exception, hub: str) -> EngineError:
    """The hub's own errors are known by their names, wherever in the chain of causes they stand."""
    names = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    if "GatedRepoError" in names:
        return ModelUnusable(f"{hub} is gated: accept its licence on huggingface.co, then set HF_TOKEN or `hf auth login`.")
    if names & {"RepositoryNotFoundError", "RevisionNotFoundError", "RemoteEntryNotFoundError", "HFValidationError"}:
        return ModelUnusable(f"{hub} is not on the hub under this name and revision, or this machine's token may not see it.")
    log.error("a download broke off", exc_info=error)
    if names & {"ConnectionError", "HTTPError", "OfflineModeIsEnabled", "TimeoutException"}:
        return EngineUnavailable(
            f"{hub} could not be downloaded now: the hub does not answer, and the cache has not all of it."
        )
    if isinstance(error, OSError) and error.errno is not None:
        return ModelUnusable(f"{hub} could not be written to the cache: {error.strerror}.")
    return ModelUnusable(f"{hub} could not be downloaded: {told(error, None)}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def told(error: Exception, folder: Path | None) -> str:
    """The first line of what an error says, its kind before it, without any path."""
    text = str(error).strip()
    for known in (folder, Path.home()):
        if known is not None:
            text = text.replace(str(known), "…")
    lines = [line for line in text.splitlines() if line.strip()] or ["no reason was given"]
    return f"{type(error).__name__}: {_PATH.sub(_last_part, lines[0])[:_LONGEST]}"


def _last_part(path: re.Match[str]) -> str:
    return "…/" + path[0].replace("\\", "/").rstrip("/").rpartition("/")[2]


def _component(error: BaseException) -> str | None:
    """Which one diffusers was loading: its message does not say, but the frame of `load_sub_model` knows."""
    trace = error.__traceback__
    found = None
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "load_sub_model":
            found = trace.tb_frame.f_locals.get("name")
        trace = trace.tb_next
    return found if isinstance(found, str) else None
