"""`darkroom engines discover`: what servers offer that models.toml does not name, and the entries that would name it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.errors import CommandFailed
from gateway.cli.output import print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached
from gateway.nearest import did_you_mean

Row = dict[str, Any]


@click.command("discover")
@click.argument("engine", required=False)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--all", "every", is_flag=True, help="Print the entries of all that the engine offers.")
@click.option("--json", "as_json", is_flag=True, help="Print the gateway's answers as JSON.")
@reach_options
def discover(reach: Reach, engine: str | None, models: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Ask the engines what they offer that models.toml does not name yet; all of them, or one ENGINE.

    With MODEL, named as the list names it, the entry is printed that puts it on offer: append it to models.toml, and change
    in it what you like. Saved there, it is in force.

    \b
    Examples:
      darkroom engines discover
      darkroom engines discover comfyui
      darkroom engines discover comfyui sd_xl_base_1.0
      darkroom engines discover comfyui --all >> ~/.local/share/darkroom/models.toml
    """
    if every and not engine:
        raise click.UsageError("Name the engine whose entries you want: darkroom engines discover ENGINE --all")
    with reached(reach) as gateway:
        names = [engine] if engine else [each["name"] for each in gateway.get("/admin/engines")["data"] if each["running"]]
        answers = {name: gateway.get(f"/admin/engines/{quote(name, safe='')}/discovered") for name in names}
    if as_json:
        print_json(answers)
        return
    for name, answer in answers.items():
        if answer["problem"]:
            click.echo(f"{name} could not be asked: {answer['problem']}", err=True)
    rows = [row for answer in answers.values() for row in answer["data"]]
    if engine and (models or every):
        _print_entries(engine, rows, models)
        return
    shown = [(row["engine"], row["id"], row["source"]) for row in rows]
    if shown or not all(answer["problem"] for answer in answers.values()):
        print_table(("engine", "model", "source"), shown, empty="models.toml names all that is offered.")


def _print_entries(engine: str, rows: list[Row], wanted: tuple[str, ...]) -> None:
    entries = {row["id"]: row["entry"] for row in rows}
    for name in wanted:
        if name not in entries:
            near = did_you_mean(name, entries) or f"; `darkroom engines discover {engine}` lists what it offers."
            raise CommandFailed(f"{engine} offers no {name} that models.toml does not name{near}")
    for name in dict.fromkeys(wanted) or entries:
        click.echo(f"\n{entries[name]}", nl=False)
