"""A source tree as the house's rules see it: its files, and who imports what, by parsing alone."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

SOURCES = ("gateway", "engines", "scripts", "tests")


class Import(NamedTuple):
    """One imported module, or for `from a import b` what b is, if that is a module."""

    target: str
    line: int


class Module(NamedTuple):
    name: str
    path: Path
    tree: ast.Module
    is_package: bool

    @property
    def root(self) -> str:
        return self.name.partition(".")[0]


class House:
    """The tree under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> list[str]:
        """What git has or would take, by path; outside a checkout everything but what begins with a dot."""
        command = ["git", "-C", str(self.root), "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        if listed.returncode == 0 and (self.root / ".git").exists():
            return sorted(name for name in set(listed.stdout.splitlines()) if (self.root / name).exists())
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(
            path.as_posix() for path in found if not any(part.startswith((".", "__pycache__")) for part in path.parts)
        )

    @cached_property
    def modules(self) -> dict[str, Module]:
        return {module.name: module for module in self._parsed()}

    @cached_property
    def imports(self) -> dict[str, list[Import]]:
        """Of each module, those within functions and TYPE_CHECKING included: an arrow is an arrow."""
        return {module.name: list(self._imports(module)) for module in self.modules.values()}

    def of(self, *roots: str) -> Iterator[Module]:
        return (module for module in self.modules.values() if module.root in roots)

    def is_house(self, name: str) -> bool:
        return name.partition(".")[0] in ("gateway", "engines")

    def _parsed(self) -> Iterator[Module]:
        for name in self.files:
            path = Path(name)
            if path.suffix == ".py" and path.parts[0] in SOURCES and len(path.parts) > 1:
                parts = path.with_suffix("").parts
                is_package = parts[-1] == "__init__"
                tree = ast.parse((self.root / name).read_text(), filename=name)
                yield Module(".".join(parts[:-1] if is_package else parts), path, tree, is_package)

    def _imports(self, module: Module) -> Iterator[Import]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                source = self._absolute(module, node)
                for alias in node.names:
                    yield Import(self._what(source, alias.name), node.lineno)

    def _absolute(self, module: Module, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
        return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])

    def _what(self, source: str, name: str) -> str:
        """`from source import name`: the submodule, unless the package itself binds that name."""
        whole = f"{source}.{name}"
        package = self.modules.get(source)
        return whole if whole in self.modules and not (package and name in _bound(package.tree)) else source


def _bound(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
    return names
