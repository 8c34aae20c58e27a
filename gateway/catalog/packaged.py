"""The models.toml that ships with Darkroom: the repository's own, also where only a wheel is installed."""

from __future__ import annotations

from pathlib import Path

from gateway import files
from gateway.errors import ConfigurationError

_GATEWAY = Path(__file__).parent.parent
_PLACES = (_GATEWAY / "models.toml", _GATEWAY.parent / "models.toml")
"""In a wheel, then in a checkout."""


def packaged_models_file() -> Path:
    """Raises ConfigurationError when the installation lacks it."""
    for place in _PLACES:
        if place.is_file():
            return place
    raise ConfigurationError(f"Darkroom is not installed whole: {_PLACES[0]} is missing. Install it again.")


def ensure_models_file(path: Path) -> bool:
    """Put the packaged file at `path` if there is none. Returns whether that was done; raises ConfigurationError."""
    if path.exists():
        return False
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return files.create(path, packaged_models_file().read_bytes(), 0o644)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be made: {error.strerror}.") from error
