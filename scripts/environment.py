"""Make .venv with what Darkroom needs, or see in a blink that it is there. `scripts/setup` finds the Python to run this.

Safe to interrupt and to run twice at once: the stamp is taken away before anything changes and written when all is
done, and a lock lets one set-up work while the others wait. What pip says stands in .venv/setup.log.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELP = """Makes .venv in this folder with Darkroom and what it needs, or sees in a blink that it is there.

  scripts/setup                to run it and to work on it (the same as --local --dev)
  scripts/setup --local        to run it: the gateway, and torch and diffusers for models on this machine
  scripts/setup --dev          to test it: pytest, ruff, mypy and the like
  PYTHON=python3.12 scripts/setup    with a Python of your choice

Each --NAME is an extra of pyproject.toml; what is there already stays."""
LARGE = re.compile(r"Downloading (\S+?)-[\d.]\S* \((\d{2,}(?:\.\d+)? MB|[\d.]+ GB)\)")
LOG_LINES_SHOWN = 25
PIP = ("-Im", "pip", "install", "--no-input", "--progress-bar", "off", "--disable-pip-version-check")


class SetupFailed(Exception):
    """Its text tells the person at the terminal what to do."""


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


class Environment:
    """One project's virtual environment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "setup.json"
        self.log = self.folder / "setup.log"
        self.constraints = root / "scripts" / "constraints.txt"

    def inputs(self, version: str) -> str:
        """Hash of all that decides what gets installed, by a Python of that version: when it changes, pip runs again."""
        digest = hashlib.sha256(f"{self.root}\n{version}\n".encode())
        for path in (self.root / "pyproject.toml", self.constraints):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def recorded(self) -> dict[str, object]:
        try:
            record = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def extras_recorded(self) -> set[str]:
        extras = self.recorded().get("extras", ())
        return {str(extra) for extra in extras} if isinstance(extras, list) else set()

    def is_ready(self, extras: set[str]) -> bool:
        fits = self.recorded().get("inputs") == self.inputs(sys.version)
        return fits and extras <= self.extras_recorded() and self.python.exists()

    def write_stamp(self, extras: set[str]) -> None:
        """Record what was installed; the version is that of .venv's Python, which does the next quick look."""
        ask = [str(self.python), "-ISc", "import sys; print(sys.version, end='')"]
        version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
        fresh = self.stamp.with_suffix(".new")
        fresh.write_text(json.dumps({"inputs": self.inputs(version), "extras": sorted(extras)}))
        fresh.replace(self.stamp)

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Wait until no other set-up works here. pip inherits the lock: one that outlives us still holds it."""
        import fcntl

        self.folder.mkdir(exist_ok=True)
        with open(self.folder / "setup.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another set-up is at work here; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock.fileno()

    def make(self, extras: set[str]) -> None:
        with self.locked() as lock:
            if self.is_ready(extras):
                return
            started = time.monotonic()
            extras |= self.extras_recorded()
            self.stamp.unlink(missing_ok=True)
            self.make_folder()
            self.forget_half_installed()
            self.install(extras, lock)
            self.write_stamp(extras)
            say(f"ready after {time.monotonic() - started:.0f} s")

    def make_folder(self) -> None:
        """A virtual environment whose pip runs; what is in the way is cleared."""
        if self.works():
            return
        base = getattr(sys, "_base_executable", None) or sys.executable
        if subprocess.run([base, "-Ic", "import ensurepip, venv"], capture_output=True, check=False).returncode:
            raise SetupFailed(
                f"{base} cannot make virtual environments: a part of it is missing.\n"
                "  Debian and Ubuntu:  apt-get install python3-venv\n"
                "  elsewhere:          PYTHON=/path/to/another/python3 scripts/setup"
            )
        say(f"making .venv with Python {sys.version.split()[0]}")
        for path in self.folder.iterdir():
            if path.name == "setup.lock":
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        made = subprocess.run([base, "-Im", "venv", str(self.folder)], capture_output=True, text=True, check=False)
        if made.returncode:
            raise SetupFailed(f"python -m venv failed: {(made.stderr or made.stdout).strip()}")

    def works(self) -> bool:
        """Whether .venv stands here, is of this Python's kind, and has its pip."""
        kind = "import sys, pip; print(sys.prefix, *sys.version_info[:2])"
        try:
            probe = subprocess.run([self.python, "-Ic", kind], capture_output=True, text=True, check=False)
        except OSError:
            return False
        wanted = f"{self.folder} {sys.version_info[0]} {sys.version_info[1]}"
        return probe.returncode == 0 and probe.stdout.strip() == wanted and self.is_at_home()

    def is_at_home(self) -> bool:
        """A folder that was moved or copied has programs that name its old place."""
        pip = self.folder / "bin" / "pip"
        return pip.is_file() and str(self.folder) in pip.read_text(errors="replace")

    def forget_half_installed(self) -> None:
        """pip writes INSTALLER last: a package without it was cut off, and pip would think it whole."""
        for package in self.folder.glob("lib/python*/site-packages/*.dist-info"):
            if not (package / "INSTALLER").exists():
                shutil.rmtree(package)
        for leftover in self.folder.glob("lib/python*/site-packages/~*"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def install(self, extras: set[str], lock: int) -> None:
        names = ",".join(sorted(extras))
        say(f"installing Darkroom with {names} (minutes the first time; the details are in {self.log})")
        command = [str(self.python), *PIP, "--editable", f"{self.root}[{names}]", "--constraint", str(self.constraints)]
        with (
            open(self.log, "w") as log,
            subprocess.Popen(command, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(lock,)) as pip,
        ):
            try:
                for line in pip.stdout or ():
                    text = line.decode(errors="replace")
                    log.write(text)
                    if large := LARGE.search(text):
                        say(f"downloading {large[1]}, {large[2]}")
            except BaseException:
                pip.terminate()
                raise
            status = pip.wait()
        if status:
            last = "".join(self.log.read_text().splitlines(keepends=True)[-LOG_LINES_SHOWN:])
            raise SetupFailed(f"pip could not install it. The end of {self.log}:\n\n{last}\nRun again to go on from here.")


def wanted_extras(arguments: list[str], pyproject: Path) -> set[str]:
    import tomllib

    known = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]
    for argument in arguments:
        if argument.removeprefix("--") not in known or not argument.startswith("--"):
            raise SetupFailed(f"{argument} is not known here; there are: {', '.join('--' + name for name in known)} and --help")
    return {argument.removeprefix("--") for argument in arguments} or {"local", "dev"}


def main(arguments: list[str]) -> int:
    if "--help" in arguments or "-h" in arguments:
        print(HELP)
        return 0
    environment = Environment(ROOT)
    quick = {argument.removeprefix("--") for argument in arguments} or {"local", "dev"}
    if environment.is_ready(quick):
        return 0
    # A TERM must end pip too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        environment.make(wanted_extras(arguments, ROOT / "pyproject.toml"))
    except SetupFailed as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        say("stopped; run again to go on from here")
        return 130
    except OSError as failure:
        say(f"{failure.filename or environment.folder}: {failure.strerror or failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
