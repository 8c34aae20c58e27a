"""The gateway that runs: asked over HTTP, as everyone else asks it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli import server_file
from gateway.cli.checks.finding import Finding, ok, problem, warning
from gateway.cli.errors import CommandFailed, GatewayGone
from gateway.cli.gateway import Gateway
from gateway.cli.output import byte_size
from gateway.wiring import Wiring


def not_there(wiring: Wiring) -> Iterator[Finding]:
    """Nobody answers; that is nothing wrong, unless one is there and silent."""
    left = server_file.read(wiring.server_file)
    if left and server_file.is_alive(left):
        cure = f"Look at its log; if process {left.pid} is another program by now, all is well: `darkroom serve`."
        yield warning("gateway", f"process {left.pid} should answer at {left.url} and does not", cure)
    else:
        yield ok("gateway", "none runs on this data folder; `darkroom serve` starts one")


def asked(gateway: Gateway) -> Iterator[Finding]:
    """Whether it is ready, and how its engines, models and lanes are."""
    try:
        gateway.get("/health/ready")
    except GatewayGone as error:
        yield problem("gateway", error.message, "Start it, or correct --server.")
        return
    except CommandFailed as error:
        yield problem("gateway", f"{gateway.url} is not ready: {error.message}", "Its log has more.")
    else:
        yield ok("gateway", f"{gateway.url} is ready")
    try:
        yield from _engines(gateway)
        yield from _models(gateway)
        yield from _lanes(gateway)
    except CommandFailed as error:
        yield problem("gateway", f"it does not tell how it is: {error.message}", "Give an administrator's key with --key.")


def _engines(gateway: Gateway) -> Iterator[Finding]:
    answer = gateway.get("/admin/engines")
    for engine in answer["data"]:
        if engine["problem"]:
            yield problem("engines", engine["problem"], f"Mend it, or take [engines.{engine['name']}] out of models.toml.")
        else:
            yield ok("engines", f"{engine['name']} runs")
    used = {engine["plugin"] for engine in answer["data"]}
    for plugin in answer["plugins"]:
        if plugin["problem"] and plugin["name"] not in used:
            yield warning("engines", plugin["problem"], "No engine of models.toml uses it; uninstall it, or mend it.")


def _models(gateway: Gateway) -> Iterator[Finding]:
    answer = gateway.get("/admin/models")
    if answer["problem"]:
        cure = "Correct the file; until then what it said before is in force."
        yield problem("models.toml", answer["problem"], cure)
    for model in answer["data"]:
        if model["retired"]:
            continue
        if model["available"]:
            yield ok("models", f"{model['id']}: {', '.join(model['capabilities']).replace('_', ' ')}")
        else:
            yield problem(
                "models", f"{model['id']} is not available: {model['reason']}", "Mend it, or retire it in models.toml."
            )


def _lanes(gateway: Gateway) -> Iterator[Finding]:
    for lane in gateway.get("/admin/devices")["data"]:
        if not lane["healthy"]:
            yield problem("lanes", f"{lane['name']}: {lane['reason']}", "It is tried again by itself; the log has more.")
        else:
            budget = f", {byte_size(lane['budget_bytes'])} for models" if lane["budget_bytes"] else ""
            yield ok("lanes", f"{lane['name']} is {lane['state']}{budget}")
