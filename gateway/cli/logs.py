"""The log of `serve`: on standard error, lines for people or one JSON object a line for a collector."""

from __future__ import annotations

import json
import logging
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Format = Literal["text", "json"]
TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
QUIET = ("uvicorn.error", "uvicorn.access", "httpx", "httpcore", "aiosqlite", "asyncio", "PIL", "filelock", "alembic")
"""Others' loggers: their `info` and `debug` tell about themselves."""


def configure(level: str, form: Format = "text") -> None:
    """Everything at `level` and above goes to standard error. Replaces what was configured before."""
    lines = logging.StreamHandler()
    lines.setFormatter(JsonLines() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=level.upper(), handlers=[lines], force=True)
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.getLevelNamesMapping()[level.upper()], logging.WARNING))


def wanted_format(models: Path) -> Format:
    """[settings.logging] format of models.toml, read leniently: the first line comes before the file is judged."""
    try:
        document = tomllib.loads(models.read_text("utf-8"))
        return "json" if document["settings"]["logging"]["format"] == "json" else "text"
    except (OSError, ValueError, KeyError, TypeError):
        return "text"


class JsonLines(logging.Formatter):
    """`time`, `level`, `logger`, `message`, and `error` with the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
