"""`darkroom engines new`: a package of one's own, with an engine that runs, its entry point, and the contract suite over it."""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path

import click

from gateway.cli.errors import CommandFailed

TEMPLATE = "template"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_PREFIX = "darkroom-"


@click.command("new")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--remote", is_flag=True, help="An engine that asks another server; else one that runs on this machine's devices."
)
def new(folder: Path, remote: bool) -> None:
    """Write a package with an engine of your own into FOLDER, named after it.

    \b
    Examples:
      darkroom engines new darkroom-dusk
      darkroom engines new darkroom-dusk --remote
      cd darkroom-dusk && pip install -e '.[dev]' && pytest
    """
    name = folder.resolve().name.removeprefix(_PREFIX)
    if not _NAME.fullmatch(name):
        raise CommandFailed(
            f'"{name}" is no name for an engine: give small letters, digits and single hyphens, a letter first.'
        )
    if folder.exists() and any(folder.iterdir()):
        raise CommandFailed(f"{folder} is not empty; nothing was written.")
    written = files(name, "remote" if remote else "local")
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    click.echo(f"Wrote {', '.join(written)} into {folder}.")
    click.echo(f"Next, in the environment that Darkroom runs in ({sys.prefix}):")
    click.echo(f"  cd {folder} && pip install -e '.[dev]' && pytest")
    click.echo("Then put its models.toml into Darkroom's.")


def files(name: str, kind: str) -> dict[str, str]:
    """By path; `kind` is `local` or `remote`."""
    module = f"{_PREFIX}{name}".replace("-", "_")
    words = {
        "name": name,
        "package": f"{_PREFIX}{name}",
        "module": module,
        "Class": "".join(part.capitalize() for part in name.split("-")) + "Engine",
    }
    sources = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "models.toml": f"models-{kind}.toml",
        f"{module}.py": f"{kind}.py",
        f"tests/test_{module}.py": f"test_{kind}.py",
    }
    folder = resources.files("gateway.cli") / TEMPLATE
    return {path: _filled((folder / f"{source}.txt").read_text("utf-8"), words) for path, source in sources.items()}


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
