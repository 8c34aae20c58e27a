"""`darkroom doctor`: is everything as it should be, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gateway.cli.errors import FAILED, stop
from gateway.cli.output import print_json
from gateway.cli.reach import Reach, find, reach_options, wiring_of

if TYPE_CHECKING:
    from gateway.cli.checks import Finding

SIGNS = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "problem": ("PROBLEM", "red")}


@click.command(short_help="Check that everything is as it should be.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reach_options
def doctor(reach: Reach, as_json: bool) -> None:
    """Check devices, memory, folders, engines, models, settings, versions and marks.

    Works beside a running gateway, which is then asked, and without one. Every line says ok, warning or problem, and
    what to do. Ends with status 1 when there is a problem.

    \b
    Examples:
      darkroom doctor
      darkroom doctor --data /srv/darkroom
      darkroom doctor --server https://pictures.example.org --key dk_…
    """
    found: list[Finding] = []
    for finding in _findings(reach):
        found.append(finding)
        if not as_json:
            _print(finding)
    problems, warnings = (sum(finding.level == level for finding in found) for level in ("problem", "warning"))
    if as_json:
        print_json([finding._asdict() for finding in found])
    else:
        click.echo(f"\nproblems: {problems}, warnings: {warnings}")
    if problems:
        stop(FAILED)


def _findings(reach: Reach) -> Iterator[Finding]:
    from gateway.cli.checks import folders, machine, offer, running
    from gateway.secrets import look_up

    gateway = find(reach)
    if gateway:
        with gateway:
            yield from running.asked(gateway)
    if reach.server:
        # What is here says nothing about another machine.
        return
    wiring = wiring_of(reach)
    yield from running.not_there(wiring) if gateway is None else ()
    yield from machine.versions()
    yield from machine.memory()
    yield from folders.folders(wiring)
    yield from folders.public_url(wiring)
    plugins, faults = offer.registry()
    yield from faults
    catalog, faults = offer.catalog(wiring, plugins)
    yield from faults
    yield from machine.devices(catalog.devices if catalog else {})
    if catalog and gateway is None:
        yield from offer.engines_and_models(catalog, plugins, look_up(wiring.data, wiring.environment))
    if catalog:
        yield from offer.marks(catalog)
        yield from offer.chat(catalog)
        yield from folders.proxies(wiring, catalog.settings.http.trusted_proxies)


def _print(finding: Finding) -> None:
    sign, color = SIGNS[finding.level]
    click.echo(f"{click.style(sign, fg=color)}  {finding.subject:<12} {finding.text}")
    if finding.cure:
        click.echo(f"{'':<22} {finding.cure}")
