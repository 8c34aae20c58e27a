"""`darkroom keys`: who may come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from gateway.cli.gateway import Gateway
from gateway.cli.limits import limit_options, settle
from gateway.cli.named import team_id, user_id
from gateway.cli.output import note, print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached

DAILY = ("features.image_generation", "gallery.read", "gallery.write")
"""What a key is made for when nothing is said."""
OTHERS = ("admin",)


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """List, make, rotate and revoke keys.

    \b
    Examples:
      darkroom keys
      darkroom keys create "the shop's importer" --bulk --days 90
      darkroom keys create ops -p admin
      darkroom keys create importer --team studio --user ann@example.org
      darkroom keys rotate 019a… --overlap 24
      darkroom keys limits 019a… --queued-jobs 1000
      darkroom keys revoke 019a…
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@keys.command("list")
@click.option("--all", "show_all", is_flag=True, help="Those too that were revoked or have expired.")
@click.option("--team", metavar="TEAM", help="Only those of this team; its name or id.")
@click.option("--user", metavar="USER", help="Only those of this user; their e-mail or id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reach_options
def list_(reach: Reach, show_all: bool, as_json: bool, team: str | None = None, user: str | None = None) -> None:
    """List the keys, newest first. Their text is shown only when they are made."""
    with reached(reach) as gateway:
        found = [
            key for key in gateway.every("/admin/keys", **_whose(gateway, team, user)) if show_all or _state(key) == "open"
        ]
    if as_json:
        print_json(found)
        return
    rows = [
        (key["name"], key["prefix"] + "…", key["permissions"], _day(key["last_used_at"]), _state(key), key["id"])
        for key in found
    ]
    print_table(("name", "key", "may", "last used", "state", "id"), rows, empty="There is no key.")


@keys.command()
@click.argument("name")
@click.option(
    "-p", "--permission", "permissions", multiple=True, type=click.Choice([*DAILY, *OTHERS]),
    help="What the key may do, once for each. Else: make pictures, and read and write the gallery.",
)  # fmt: skip
@click.option("--team", metavar="TEAM", help="The key's team, by name or id; else yours.")
@click.option("--user", metavar="USER", help="The key's user, by e-mail or id; else you.")
@click.option("--days", metavar="N", type=click.IntRange(min=1), help="It expires after so many days; else never.")
@click.option("--bulk", is_flag=True, help="Its jobs run when no one else's wait, unless they say otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reach_options
def create(name: str, permissions: tuple[str, ...], reach: Reach, as_json: bool, **asked: Any) -> None:
    """Make a key called NAME, and print it.

    It is shown this once, for nobody can look it up again.

    \b
    Examples:
      darkroom keys create "the shop's importer" --bulk --days 90
      darkroom keys create ops -p admin
      darkroom keys create importer --team studio --user ann@example.org
    """
    expires = datetime.now(UTC) + timedelta(days=asked["days"]) if asked["days"] else None
    body = {
        "name": name,
        "permissions": list(permissions or DAILY),
        "bulk": asked["bulk"] or None,
        "expires_at": expires and expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    with reached(reach) as gateway:
        body |= _whose(gateway, asked["team"], asked["user"])
        made = gateway.post("/admin/keys", {field: value for field, value in body.items() if value is not None})
    _show(made, as_json)


@keys.command(short_help="Make a key in the place of the key ID.")
@click.argument("key_id", metavar="ID")
@click.option("--overlap", metavar="HOURS", type=click.IntRange(0, 744), default=0, help="The old text opens so long, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reach_options
def rotate(key_id: str, overlap: int, reach: Reach, as_json: bool) -> None:
    """Make a key in the place of the key ID, and print it: the same in all but its text.

    \b
    Examples:
      darkroom keys rotate 019a…
      darkroom keys rotate 019a… --overlap 24
    """
    with reached(reach) as gateway:
        made = gateway.post(f"/admin/keys/{key_id}/rotate", {"overlap_seconds": overlap * 3600})
    _show(made, as_json)


@keys.command(short_help="Show and change the limits of the key ID.")
@click.argument("key_id", metavar="ID")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reach_options
def limits(key_id: str, reach: Reach, as_json: bool, **asked: Any) -> None:
    """Show the limits that the key ID has of its own, and change those that are given.

    A number goes before the one in models.toml, 0 lifts it, "usual" takes the own one away.

    \b
    Examples:
      darkroom keys limits 019a…
      darkroom keys limits 019a… --queued-jobs 1000
      darkroom keys limits 019a… --queued-jobs usual
    """
    settle(reach, lambda _: f"/admin/keys/{key_id}", asked, as_json=as_json)


@keys.command()
@click.argument("key_id", metavar="ID")
@reach_options
def revoke(key_id: str, reach: Reach) -> None:
    """Revoke the key ID: it opens nothing from now on."""
    with reached(reach) as gateway:
        gateway.delete(f"/admin/keys/{key_id}")
    click.echo(f"{key_id} is revoked.")


def _show(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    note(f"The key {made['id']}, shown this once:")
    click.echo(made["key"])


def _whose(gateway: Gateway, team: str | None, user: str | None) -> dict[str, str]:
    whose = {"team_id": team and team_id(gateway, team), "user_id": user and user_id(gateway, user)}
    return {field: value for field, value in whose.items() if value}


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return "revoked"
    expires = key["expires_at"]
    if expires and datetime.fromisoformat(expires) <= datetime.now(UTC):
        return "expired"
    return "open"


def _day(time: str | None) -> str:
    return (time or "never")[:10]
