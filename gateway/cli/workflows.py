"""`darkroom workflows`: graphs that engines run as models. Looked at without a gateway, as models.toml has the engines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from gateway.cli.errors import FAILED, CommandFailed
from gateway.cli.output import print_json, print_table
from gateway.cli.reach import Reach, wiring_of

if TYPE_CHECKING:
    from engines.contract import ModelSpec, WorkflowDescription, WorkflowEngine
    from gateway.catalog import Catalog, EngineEntry
    from gateway.registry import Registry

T = TypeVar("T")
FOLDER = "workflows"


@click.group()
def workflows() -> None:
    """ComfyUI workflows: those that are here, one of your own, and whether a server can run them.

    \b
    Examples:
      darkroom workflows list
      darkroom workflows import my-graph.json
      darkroom workflows check sdxl
    """


def engine_options(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--engine", metavar="NAME", help="The [engines.NAME] table; else the only one that has workflows.")(
        command
    )
    return click.option("--data", metavar="DIR", help="The data folder, where models.toml is.")(command)


@workflows.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@engine_options
def list_(as_json: bool, engine: str | None, data: str | None) -> None:
    """List the workflows that an entry's `source` can name."""
    found = _Workshop(data, engine).ask(lambda workshop: workshop.workflows())
    rows = [
        {"name": each.name, "title": each.title, "capabilities": list(each.capabilities), "notes": each.notes} for each in found
    ]
    if as_json:
        print_json({"data": rows})
        return
    table = [(each.name, each.title, list(each.capabilities), " ".join(each.notes) or "ready") for each in found]
    print_table(("workflow", "title", "does", "state"), table, empty="There is no workflow.")


@workflows.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="What it is called; else as the file is.")
@click.option(
    "--nodes", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Open WebUI's list of nodes, as JSON."
)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where it goes; else the engine's own folder.")
@click.option("--force", is_flag=True, help="Write over one that is there.")
@engine_options
def import_(
    file: Path, name: str | None, nodes: Path | None, folder: Path | None, force: bool, engine: str | None, data: str | None
) -> None:
    """Take a graph in, as ComfyUI exports it for its API, and write down which input of which node is what.

    What is what is guessed from the graph and from the server, where one answers; look over the .toml that is written.

    \b
    Examples:
      darkroom workflows import portrait_api.json --name portrait
      darkroom workflows import workflow.json --nodes open-webui-nodes.json
    """
    workshop = _Workshop(data, engine)
    named = re.sub(r"[^A-Za-z0-9._-]+", "-", name or file.stem).strip("-.")
    if not named:
        raise CommandFailed("Give a --name of letters, digits and . _ -")
    told = nodes.read_bytes() if nodes else None
    made = workshop.ask(lambda asked: asked.import_workflow(named, file.read_bytes(), told))
    place = (folder or workshop.folder).expanduser().resolve()
    taken = [each for each in made.files if (place / each).exists()]
    if taken and not force:
        raise CommandFailed(f"{place / taken[0]} is there already: give another --name, or --force.")
    place.mkdir(parents=True, exist_ok=True)
    for each, content in made.files.items():
        (place / each).write_bytes(content)
    _tell(made, place)
    lane = next(iter(workshop.engine.lanes()), "")
    workshop.check(_spec(workshop, str(place / f"{made.name}.json")), lane, made.name, strict=False)


@workflows.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--lane", metavar="LANE", help="One server; else all of the engine's.")
@engine_options
def check(names: tuple[str, ...], lane: str | None, engine: str | None, data: str | None) -> None:
    """Ask the servers whether they have the nodes and files that workflows need; a NAME may be a model's id too.

    Ends with status 1 when something is missing.
    """
    workshop = _Workshop(data, engine)
    bad = 0
    for name in names:
        for each in (lane,) if lane else workshop.engine.lanes():
            bad += workshop.check(_spec(workshop, name), each, name, strict=True)
    if bad:
        raise SystemExit(FAILED)


def _tell(made: WorkflowDescription, place: Path) -> None:
    click.echo(f"{place / made.name}.toml: {', '.join(made.capabilities)}")
    for note in made.notes:
        click.echo(f"  {note}")
    click.echo("\nIn models.toml:\n")
    entry = f'[[models]]\nid = "{made.name}"\nengine = "comfyui"\nsource = "{place / made.name}.json"'
    click.echo("\n".join(f"  {line}" for line in entry.splitlines()) + "\n")


def _spec(workshop: _Workshop, name: str) -> ModelSpec:
    """A model of models.toml by its id, else a workflow by its name."""
    from engines.contract import ModelSpec

    entry = workshop.catalog.models.get(name)
    if entry is not None and entry.engine == workshop.engine.name:
        return workshop.registry.spec(entry, workshop.engine)
    return ModelSpec(id=name, source=name)


class _Workshop:
    """One engine that has workflows, made here; without any in models.toml, as it is when nothing is said."""

    def __init__(self, data: str | None, name: str | None) -> None:
        from gateway.catalog import packaged_models_file
        from gateway.catalog.loading import load
        from gateway.errors import DarkroomError
        from gateway.registry import Registry
        from gateway.secrets import Secrets

        wiring = wiring_of(Reach(data=data))
        try:
            self.registry: Registry = Registry.discover()
            path = wiring.models_path if wiring.models_path.exists() else packaged_models_file()
            self.catalog: Catalog = load(path, self.registry)
            entry = _entry(self.registry, self.catalog, name)
            built = self.registry.build(entry, lambda each: Secrets.open(wiring.data, wiring.environment).get(each))
            self.engine: WorkflowEngine = built  # type: ignore[assignment]
        except DarkroomError as error:
            raise CommandFailed(error.message) from None
        own = getattr(self.engine.options, "workflows", "")
        self.folder = Path(own) if own else wiring.data / FOLDER

    def ask(self, question: Callable[[WorkflowEngine], Awaitable[T]]) -> T:
        """Raises CommandFailed with the engine's words."""
        from engines.contract import EngineError

        async def asked() -> T:
            try:
                return await question(self.engine)
            finally:
                await self.engine.aclose()

        try:
            return asyncio.run(asked())
        except EngineError as error:
            raise CommandFailed(error.message) from None

    def check(self, spec: ModelSpec, lane: str, name: str, *, strict: bool) -> int:
        """How many things are missing; a server that does not answer is one, and no error where nobody insists."""
        try:
            missing = self.ask(lambda asked: asked.check_workflow(spec, lane))
        except CommandFailed as error:
            if strict:
                raise
            click.echo(f"Not checked: {error.message}")
            return 1
        for each in missing:
            click.echo(f"{name} on {lane}: {each}")
        if not missing:
            click.echo(f"{name} on {lane}: nothing is missing")
        return len(missing)


def _entry(registry: Registry, catalog: Catalog, name: str | None) -> EngineEntry:
    from engines.contract import WorkflowEngine
    from gateway.catalog import EngineEntry

    plugins = [key for key, plugin in registry.plugins.items() if issubclass(plugin, WorkflowEngine)]
    entries = {key: entry for key, entry in catalog.engines.items() if entry.plugin in plugins}
    if name is not None:
        if name not in entries:
            raise CommandFailed(f"There is no engine {name} with workflows; models.toml has {', '.join(entries) or 'none'}.")
        return entries[name]
    if len(entries) > 1:
        raise CommandFailed(f"Several engines have workflows: name one with --engine, {', '.join(entries)}.")
    if entries:
        return next(iter(entries.values()))
    if not plugins:
        raise CommandFailed("No installed engine has workflows.")
    return EngineEntry(name=plugins[0], plugin=plugins[0], options=registry.plugins[plugins[0]].Options())
