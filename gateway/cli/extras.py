"""Which extra of this distribution brings a module that is not installed."""

from __future__ import annotations

import re
from importlib import metadata

DISTRIBUTION = "darkroom-gateway"
_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+).*;.*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")


def extra_for(module: str) -> str | None:
    """None where the module is none of an extra's, or where this is not installed at all."""
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return None
    wanted = _normal(module.partition(".")[0])
    for requirement in requirements:
        found = _REQUIREMENT.match(requirement)
        if found and _normal(found["name"]) == wanted:
            return found["extra"]
    return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
