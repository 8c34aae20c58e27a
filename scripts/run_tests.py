"""Lint, types and tests, room by room, each beside its share of the 12 minutes; `scripts/test` sets up and runs this.

    scripts/test                      everything
    scripts/test static units         some rooms: static, units, contract, surfaces, server, browser
    scripts/test units -k ledger      what pytest shall be told comes after the rooms
    scripts/test tests/storage -x     or a file or folder, whatever its room

The last line is always `N passed, N failed, N skipped`; each check of the room `static` counts as one test. With
CI=true a skip is a failure, because there every tool can be had. Let pass are only reasons that begin with `hardware:`
or `platform:` (a GPU, another operating system), and the contract suite's own: what a card does not say is not tested.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS_FOUND = 5
"""pytest's exit status when nothing matched, which is nothing wrong."""
MEMORY = Path("/dev/shm")
ROOM_IN_MEMORY = 2 << 30
"""Bytes that must be free there; what tests have written at one time is a quarter of it."""
LET_PASS = ("hardware:", "platform:")
SUITE = "engines/suite/"


@dataclass(frozen=True)
class Room:
    """A part of the tests and its minutes: what lies under `paths` and not under `without`, and has the marks."""

    name: str
    minutes: float
    paths: tuple[str, ...] = ()
    marks: str = ""
    without: tuple[str, ...] = ()
    workers: int = 1
    """Processes at most, each on a core of its own: the tests share nothing and do not measure time."""
    by_file: bool = False
    """Whether a file's tests are one process's, for they share a server that takes long to start."""


CONTRACT = ("tests/contract", "tests/engines")
SURFACES = ("tests/api", "tests/pages", "tests/surfaces")
BROWSER = ("tests/browser",)
STATIC = Room("static", 1.0)
ROOMS = (
    STATIC,
    Room("units", 1.0, ("tests",), "not server", without=(*CONTRACT, *SURFACES, *BROWSER), workers=8),
    Room("contract", 2.0, CONTRACT, "not server", workers=8),
    Room("surfaces", 3.0, SURFACES, "not server", workers=8),
    Room("server", 2.5, ("tests",), "server", without=BROWSER, workers=3, by_file=True),
    Room("browser", 2.5, BROWSER),
)
CHECKS = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
}


@dataclass(frozen=True)
class Tool:
    """A program that a room's tests need, by the names it goes by, and the Debian packages that bring it."""

    programs: tuple[str, ...]
    packages: tuple[str, ...]


TOOLS = {"browser": Tool(("chromium", "chromium-browser", "google-chrome"), ("chromium", "fonts-dejavu-core"))}


@dataclass(frozen=True)
class Skip:
    test: str
    reason: str
    place: str = ""
    """The file and line where it was decided."""

    @property
    def is_let_pass(self) -> bool:
        return self.reason.startswith(LET_PASS) or SUITE in self.place


@dataclass
class Outcome:
    """What came of one room."""

    room: str
    minutes: float
    budget: float
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    """Seconds and test, the slowest first."""


def pytest_arguments(room: Room) -> list[str]:
    """What tells pytest which tests are this room's; empty where it has none yet."""
    paths = [path for path in room.paths if (ROOT / path).is_dir()]
    if not paths:
        return []
    marks = ["-m", room.marks] if room.marks else []
    workers = min(cores(), room.workers)
    spread = ["-n", str(workers)] if workers > 1 else []
    if spread and room.by_file:
        spread += ["--dist=loadfile", "--no-loadscope-reorder"]
    return [*paths, *marks, *spread, *(f"--ignore={path}" for path in room.without)]


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_memory() -> str | None:
    """Where tests write, if there is room: on a disk they wait for it at every commit. None: wherever it is usual."""
    try:
        return str(MEMORY) if shutil.disk_usage(MEMORY).free >= ROOM_IN_MEMORY and os.access(MEMORY, os.W_OK) else None
    except OSError:
        return None


def environment() -> dict[str, str]:
    """This process's, and two things that many processes at a time need.

    Bytecode is kept, or each of a hundred gateways compiles itself anew. And nobody's arithmetic takes more than one core,
    for OpenMP's threads spin while they wait for one that another process keeps from running.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {"OMP_NUM_THREADS": "1", **kept}


def run_static() -> Outcome:
    outcome = Outcome(STATIC.name, 0, STATIC.minutes)
    started = time.monotonic()
    for name, command in CHECKS.items():
        tool = Path(sys.executable).with_name(command[0])
        if subprocess.run([tool, *command[1:]], cwd=ROOT, check=False).returncode:
            outcome.failed.append(f"{name}: {' '.join(command)}")
        else:
            outcome.passed += 1
    outcome.minutes = (time.monotonic() - started) / 60
    return outcome


def run_pytest(room: Room, arguments: Sequence[str]) -> Outcome:
    outcome = Outcome(room.name, 0, room.minutes)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="darkroom-", dir=in_memory()) as folder:
        report, written = Path(folder) / "report.xml", Path(folder) / "written"
        command = [sys.executable, "-m", "pytest", f"--junit-xml={report}", f"--basetemp={written}", *arguments]
        status = subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode
        if report.exists():
            read_report(report, outcome)
    if status not in (0, NO_TESTS_FOUND) and not outcome.failed:
        outcome.failed.append(f"{room.name}: pytest ended with status {status}")
    outcome.minutes = (time.monotonic() - started) / 60
    return outcome


def read_report(report: Path, outcome: Outcome) -> None:
    """Count what pytest's JUnit report says; a test that fails twice (in itself and when torn down) counts once."""
    timed = []
    for case in ElementTree.parse(report).iter("testcase"):
        name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
        timed.append((float(case.get("time", 0)), name))
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            if name not in outcome.failed:
                outcome.failed.append(name)
        elif skip is not None:
            place, _, _ = (skip.text or "").partition(": ")
            outcome.skipped.append(Skip(name, skip.get("message") or "no reason given", place))
        else:
            outcome.passed += 1
    outcome.slowest = sorted(timed, reverse=True)[:3]


def refuse_skips(outcome: Outcome) -> None:
    """In CI a skip is a failure, unless no machine could be asked to have what it lacks."""
    outcome.failed += [f"{each.test} (skipped: {each.reason})" for each in outcome.skipped if not each.is_let_pass]
    outcome.skipped = [each for each in outcome.skipped if each.is_let_pass]


def install_tools(room: Room) -> None:
    """In CI: bring the programs that a room needs, where this is a Debian and we may install."""
    tool = TOOLS.get(room.name)
    if tool is None or any(shutil.which(program) for program in tool.programs) or not shutil.which("apt-get"):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    print(f"test: installing {' '.join(tool.packages)} for the room {room.name}", flush=True)
    subprocess.run([*as_root, "apt-get", "update", "-qq"], check=False)
    subprocess.run([*as_root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *tool.packages], check=False)


def run_room(room: Room, extra: Sequence[str], *, strict: bool) -> Outcome | None:
    """None where the room has no tests at all."""
    print(f"\n== {room.name}", flush=True)
    if room is STATIC:
        return run_static()
    arguments = pytest_arguments(room)
    if not arguments:
        return None
    if strict:
        install_tools(room)
    outcome = run_pytest(room, [*arguments, *extra])
    if strict:
        refuse_skips(outcome)
    return outcome


def summary(outcomes: Sequence[Outcome]) -> str:
    """The table of minutes, what was skipped and why, what failed; last the line of counts."""
    lines = ["", f"{'room':<12} {'minutes':>8} {'budget':>8}"]
    for outcome in outcomes:
        over = "  over its budget" if outcome.minutes > outcome.budget else ""
        lines.append(f"{outcome.room:<12} {outcome.minutes:>8.2f} {outcome.budget:>8.1f}{over}")
        if over:
            lines += [f"    {seconds:.1f} s  {name}" for seconds, name in outcome.slowest]
    minutes, budget = sum(outcome.minutes for outcome in outcomes), sum(outcome.budget for outcome in outcomes)
    lines.append(f"{'together':<12} {minutes:>8.2f} {budget:>8.1f}")
    skipped = [skip for outcome in outcomes for skip in outcome.skipped]
    failed = [name for outcome in outcomes for name in outcome.failed]
    if skipped:
        lines += ["", "skipped:", *(f"  {each.test}: {each.reason}" for each in skipped)]
    if failed:
        lines += ["", "failed:", *(f"  {name}" for name in failed)]
    passed = sum(outcome.passed for outcome in outcomes)
    return "\n".join([*lines, "", f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped"])


def chosen(arguments: list[str]) -> tuple[list[Room], list[str]]:
    """The rooms named first, and what is left for pytest; without names all of them."""
    by_name = {room.name: room for room in ROOMS}
    rooms = []
    while arguments and arguments[0] in by_name:
        rooms.append(by_name[arguments[0]])
        arguments = arguments[1:]
    return rooms or list(ROOMS), arguments


def names_a_path(arguments: Sequence[str]) -> bool:
    return any(not argument.startswith("-") and (ROOT / argument.split("::")[0]).exists() for argument in arguments[:1])


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    strict = os.environ.get("CI", "").lower() in ("true", "1")
    rooms, extra = chosen(arguments)
    if len(rooms) == len(ROOMS) and names_a_path(extra):
        outcomes = [run_pytest(Room("chosen", sum(room.minutes for room in ROOMS)), extra)]
        if strict:
            refuse_skips(outcomes[0])
    else:
        outcomes = [outcome for room in rooms if (outcome := run_room(room, extra, strict=strict))]
    print(summary(outcomes), flush=True)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
