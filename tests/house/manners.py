"""Rules of purity, place, size and words. A rule answers with one line for each fault: what, where, and the cure."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.house.tree import SOURCES, House, Module

POLICY = "gateway.scheduling.policy"
PURE = frozenset(
    {"__future__", "abc", "bisect", "collections", "dataclasses", "difflib", "enum", "functools", "heapq", "itertools", "math"}
    | {"msgspec", "numpy", "operator", "re", "types", "typing"}
)
"""Modules that read no clock, no chance, no file and no network."""
DOES_IO = frozenset({"open", "print", "input", "exec", "eval", "breakpoint", "__import__"})
ROUTING_READS = frozenset({"engines.contract", "gateway.catalog", "gateway.cards", "gateway.errors", "gateway.nearest"})
ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
CLICK_ENVIRONMENT = frozenset({"envvar", "auto_envvar_prefix"})
WIRING = "gateway.wiring"

TOP_LEVEL = frozenset({*SOURCES, "workflows", "pyproject.toml", "README.md", "models.toml", "LICENSE", "CHANGELOG.md"})
LONGEST_FILE = 400
FORBIDDEN_WORDS = frozenset({"backend", "provider", "manager", "helper", "util"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
WRONG = "cancel" + "led"
_LIBRARIES = re.compile(rf"\w*{WRONG}Error|\.{WRONG}\(|get_{WRONG}_exc_class", re.IGNORECASE)
THEIRS = "# their spelling"
_PROSE = frozenset({".py", ".md", ".toml", ".mako", ".html", ".css", ".ts", ".js", ".svelte"})


def the_policy_is_pure(house: House) -> Iterator[str]:
    """It and all of the house that it reaches: no clock, no chance, no input or output."""
    for name, chain in _reached(house, POLICY).items():
        module = house.modules[name]
        by = f" (reached by {' -> '.join(chain)})" if len(chain) > 1 else ""
        for wanted in house.imports[name]:
            if not house.is_house(wanted.target) and wanted.target.partition(".")[0] not in PURE:
                yield f"{module.path}:{wanted.line}: the policy must not see {wanted.target}; hand it what was read{by}"
        for node in _calls(module, DOES_IO):
            yield f"{module.path}:{node.lineno}: the policy calls no {ast.unparse(node.func)}(); let the loop do that{by}"


def routing_is_pure(house: House) -> Iterator[str]:
    """It chooses from the catalog, cards and a snapshot that are handed in."""
    for module in house.of("gateway"):
        if module.name != "gateway.routing" and not module.name.startswith("gateway.routing."):
            continue
        for wanted in house.imports[module.name]:
            outside = not house.is_house(wanted.target) and wanted.target.partition(".")[0] in PURE
            own = wanted.target.startswith("gateway.routing")
            if not (outside or own or any(_within(wanted.target, read) for read in ROUTING_READS)):
                yield f"{module.path}:{wanted.line}: routing must not see {wanted.target}; hand it what was read as a value"


def only_wiring_reads_the_environment(house: House) -> Iterator[str]:
    cure = "make it a field of gateway.wiring.Wiring, or a setting of models.toml"
    for module in house.of("gateway", "engines"):
        if module.name == WIRING:
            continue
        for line in _environment_reads(module):
            yield f"{module.path}:{line}: only gateway/wiring.py touches the environment; {cure}"


def the_top_level_holds_no_more(house: House) -> Iterator[str]:
    for name in sorted({file.partition("/")[0] for file in house.files}):
        if name not in TOP_LEVEL and not name.startswith("."):
            yield f"{name}: the top level holds {', '.join(sorted(TOP_LEVEL))} and no more; put it into one of the folders"


def files_are_short(house: House) -> Iterator[str]:
    for file in house.files:
        if file.endswith(".py"):
            lines = (house.root / file).read_text().count("\n")
            if lines > LONGEST_FILE:
                yield f"{file}: {lines} lines, {LONGEST_FILE} are the most; find the two things in it and part them"


def names_say_what_a_thing_is(house: House) -> Iterator[str]:
    cure = "call it by what it is or does"
    for module in house.modules.values():
        for part in PurePosixPath(module.path).with_suffix("").parts:
            if word := _forbidden(part):
                yield f"{module.path}: {word!r} in a module's name says nothing; {cure}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and (word := _forbidden(node.name)):
                yield f"{module.path}:{node.lineno}: {word!r} in the name {node.name} says nothing; {cure}"


def canceled_has_one_l(house: House) -> Iterator[str]:
    for file in house.files:
        if PurePosixPath(file).suffix not in _PROSE:
            continue
        for number, line in enumerate((house.root / file).read_text().splitlines(), 1):
            if WRONG in _LIBRARIES.sub("", line).lower() and THEIRS not in line:
                yield f"{file}:{number}: spelled canceled here; for a word of another's wire end the line in {THEIRS!r}"


def _reached(house: House, start: str) -> dict[str, list[str]]:
    """Every module of the house that `start` imports, at whatever distance, with one way there."""
    ways = {start: [start]} if start in house.modules else {}
    waiting = list(ways)
    while waiting:
        name = waiting.pop()
        for wanted in house.imports[name]:
            if wanted.target in house.modules and house.is_house(wanted.target) and wanted.target not in ways:
                ways[wanted.target] = [*ways[name], wanted.target]
                waiting.append(wanted.target)
    return ways


def _calls(module: Module, names: frozenset[str]) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def _environment_reads(module: Module) -> Iterator[int]:
    spellings = {"os"}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            spellings |= {alias.asname for alias in node.names if alias.name == "os" and alias.asname}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT:
            if isinstance(node.value, ast.Name) and node.value.id in spellings:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if alias.name in ENVIRONMENT)
        elif isinstance(node, ast.keyword) and node.arg in CLICK_ENVIRONMENT:
            yield node.value.lineno


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _forbidden(name: str) -> str | None:
    words = {word.lower() for word in _WORD.findall(name)}
    found = FORBIDDEN_WORDS & (words | {word.removesuffix("s") for word in words})
    return min(found) if found else None


assert not PURE & {"time", "asyncio", "random", "os", "io", "pathlib", "socket", "threading", "datetime"}
assert PURE - {"msgspec", "numpy", "__future__"} <= sys.stdlib_module_names
