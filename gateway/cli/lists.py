"""`darkroom models`, `engines` and `queue`: what the gateway has, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gateway.cli.discover import discover
from gateway.cli.new_engine import new
from gateway.cli.output import byte_size, print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached

Row = dict[str, Any]
SIZES_SHOWN = 3


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print the gateway's answer as JSON.")(command)


@click.command()
@json_option
@reach_options
def models(reach: Reach, as_json: bool) -> None:
    """List the models that can be asked for.

    \b
    Examples:
      darkroom models
      darkroom models --json
    """
    with reached(reach) as gateway:
        answer = gateway.get("/v1/models")
    if as_json:
        print_json(answer)
        return
    rows = [
        (model["id"], model["title"], model["engine"], model["capabilities"], _sizes(model), _ready(model))
        for model in answer["data"]
    ]
    empty = "There is no model; `darkroom doctor` says what is wrong with those in models.toml."
    print_table(("id", "title", "engine", "does", "size", "state"), rows, empty=empty)


def _ready(model: Row) -> str:
    return model["reason"] or ("downloaded when first asked for" if model.get("to_download") else "ready")


def _sizes(model: Row) -> str:
    sizes = model["native_sizes"]
    shown = [f"{size['width']}x{size['height']}" for size in sizes[:SIZES_SHOWN]]
    return ", ".join(shown) + (" …" if len(sizes) > SIZES_SHOWN else "")


@click.group(invoke_without_command=True)
@json_option
@reach_options
@click.pass_context
def engines(context: click.Context, reach: Reach, as_json: bool) -> None:
    """List the engines, those that do not run included, and why.

    `discover` lists what they offer that models.toml does not name, `new` begins an engine of your own.

    \b
    Examples:
      darkroom engines
      darkroom engines --json
      darkroom engines discover
      darkroom engines new darkroom-dusk
    """
    if context.invoked_subcommand:
        return
    with reached(reach) as gateway:
        answer = gateway.get("/admin/engines")
    if as_json:
        print_json(answer)
        return
    rows: list[tuple[object, ...]] = [
        (
            each["name"],
            each["plugin"],
            [*each["models"], *_more(each)],
            [_lane(lane) for lane in each["health"]] or "devices",
            each["problem"] or "runs",
        )
        for each in answer["data"]
    ]
    used = {each["plugin"] for each in answer["data"]}
    rows += [
        ("", each["name"], "", "", each["problem"] or "not used") for each in answer["plugins"] if each["name"] not in used
    ]
    print_table(("engine", "plugin", "models", "lanes", "state"), rows, empty="No engine is installed.")


def _lane(lane: Row) -> str:
    """Its name, and what is worth knowing beside it."""
    if lane["healthy"] and lane["breaker"] == "closed" and lane["state"] != "asleep":
        return str(lane["name"])
    told = {"open": "unwell", "half_open": "on trial"}.get(lane["breaker"], lane["state"])
    return f"{lane['name']} ({told}: {lane['reason']})" if lane["reason"] else f"{lane['name']} ({told})"


def _more(engine: Row) -> list[str]:
    """What it offers and nobody can ask for."""
    found = len(engine["discovered"])
    return [f"and {found} that models.toml does not name"] if found else []


engines.add_command(discover)
engines.add_command(new)


@click.command()
@json_option
@reach_options
def queue(reach: Reach, as_json: bool) -> None:
    """Show what runs where, and what waits.

    \b
    Examples:
      darkroom queue
      watch darkroom queue
    """
    with reached(reach) as gateway:
        lanes, waiting = gateway.get("/admin/devices")["data"], gateway.get("/admin/queue")
    if as_json:
        print_json({"lanes": lanes, "queue": waiting})
        return
    rows = [(each["name"], _state(each), _loaded(each["residents"]), each["jobs"]) for each in lanes]
    print_table(("lane", "state", "loaded", "runs"), rows, empty="There is no lane.")
    click.echo()
    if waiting["blocked"]:
        click.echo(f"Nothing is begun now: {waiting['blocked']}")
    places = [
        (each["queue_position"], each["task_id"], each["model"], _seconds(each), each["reason"]) for each in waiting["data"]
    ]
    print_table(("place>", "task", "model", "begins in>", "waits for"), places, empty="Nothing waits.")
    if waiting["total"] > len(places):
        click.echo(f"and {waiting['total'] - len(places)} more")


def _state(lane: Row) -> str:
    return f"{lane['state']}: {lane['reason']}" if lane["reason"] else str(lane["state"])


def _loaded(residents: list[Row]) -> list[str]:
    return [f"{each['model']} ({byte_size(each['bytes'])})" for each in residents]


def _seconds(job: Row) -> str:
    return "" if job["eta_seconds"] is None else f"{job['eta_seconds']:.0f} s"
