#!/usr/bin/env python3
"""Write scripts/constraints.txt from what .venv holds: run it with .venv/bin/python once the tests have passed there.

Pinned is what the project and its extras need, directly or through others, and nothing else that lies about in .venv.
Names and versions only: where a package comes from is the business of whoever installs it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
HEADING = "# What was tested, written by scripts/pin_constraints.py: pip install -e '.[local,dev]' -c scripts/constraints.txt\n"


def closure(requirements: Iterable[str]) -> dict[str, str]:
    """Name → version of everything that these need here; what is not installed (another platform's) is left out."""
    pinned: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        # Without the local part ("+cpu"): a machine with a GPU wants the same version's other build.
        pinned[name] = Version(found.version).public
        for wanted in ["", *requirement.extras]:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(text), wanted) for text in found.requires or ()]
    return pinned


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    pinned = closure(wanted)
    lines = [f"{name}=={version}\n" for name, version in sorted(pinned.items())]
    (ROOT / "scripts" / "constraints.txt").write_text(HEADING + "".join(lines))
    print(f"scripts/constraints.txt: {len(lines)} packages")


if __name__ == "__main__":
    main()
