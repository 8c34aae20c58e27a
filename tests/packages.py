"""Packages of strangers, installed as pip would: tests run them in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

WITHOUT = ("schemathesis", "faker", "xdist", "xdist.looponfail")
"""pytest's plug-ins that no stranger needs and that take longer to import than what is tested."""


def install(package: Path, target: Path) -> None:
    """The package's own wheel, unpacked into a folder that is to be on the path."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target / "dist")]
    subprocess.run(build, cwd=package, check=True, capture_output=True)
    (wheel,) = (target / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)


def environment(*folders: Path) -> dict[str, str]:
    """This process's, with these folders on the path and nothing else; the first one wins."""
    without = " ".join(f"-p no:{name}" for name in WITHOUT)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTEST_ADDOPTS": without}


def run(folder: Path, *arguments: str, path: tuple[Path, ...]) -> subprocess.CompletedProcess[str]:
    """Python, in that folder."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment(*path), capture_output=True, text=True, check=False
    )
