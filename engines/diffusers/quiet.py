"""diffusers and transformers write warnings and progress bars to standard error, prompts included. Not from our threads.

What matters of it reaches the caller as an EngineError; the rest is kept for `--log debug`.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class _Hush(logging.Filter):
    """Drops what a thread in `quiet` logs below ERROR; other threads are not touched."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[int, list[list[str]]] = {}
        """By thread, one list for each `quiet` that it is in."""

    def filter(self, record: logging.LogRecord) -> bool:
        listening = self.said.get(threading.get_ident())
        if record.levelno >= logging.ERROR or not listening:
            return True
        for said in listening:
            said.append(record.getMessage())
        log.debug("%s: %s", record.name, record.getMessage())
        return False


_hush = _Hush()


def hush() -> None:
    """Once, before diffusers' pipelines are imported: progress bars off, and the filter on the libraries' own handlers.

    On the handlers, since a logger's filters do not see what its children log; they exist once the libraries' logging
    modules have been asked for a logger.
    """
    import transformers.utils.logging as transformers_logging

    transformers_logging.get_logger()
    _add_filter("transformers")
    import diffusers.utils.logging as diffusers_logging
    from huggingface_hub.utils.tqdm import disable_progress_bars

    diffusers_logging.get_logger()
    _add_filter("diffusers")
    disable_progress_bars()
    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()


@contextmanager
def quiet() -> Iterator[list[str]]:
    """While this thread loads or runs: no warnings of the libraries (of a missing torchvision, of long prompts).

    Answers the list into which they go instead.
    """
    # What these libraries say of their own insides: names that moved, tensors handed to numpy 2. Set at every entry and never
    # taken back: catch_warnings would swap the whole process's filters under other threads.
    for kind in (DeprecationWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=kind, module=r"(diffusers|transformers)(\.|$)")
    warnings.filterwarnings("ignore", "__array(_wrap)?__ (implementation|must accept)", DeprecationWarning)
    me, said = threading.get_ident(), list[str]()
    _hush.said.setdefault(me, []).append(said)
    try:
        yield said
    finally:
        _hush.said[me].pop()


def _add_filter(library: str) -> None:
    for handler in logging.getLogger(library).handlers:
        if _hush not in handler.filters:
            handler.addFilter(_hush)
