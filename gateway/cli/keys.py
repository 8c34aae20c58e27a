"""`darkroom keys`: who may come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from gateway.cli.output import note, print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached

DAILY = ("features.image_generation", "gallery.read", "gallery.write")
"""What a key is made for when nothing is said."""
OTHERS = ("admin",)


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """List, make and revoke keys.

    \b
    Examples:
      darkroom keys
      darkroom keys create "the shop's importer" --bulk --days 90
      darkroom keys create ops -p admin
      darkroom keys revoke 019a…
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@keys.command("list")
@click.option("--all", "show_all", is_flag=True, help="Those too that were revoked or have expired.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reach_options
def list_(reach: Reach, show_all: bool, as_json: bool) -> None:
    """List the keys, newest first. Their text is shown only when they are made."""
    with reached(reach) as gateway:
        found = [key for key in gateway.every("/admin/keys") if show_all or _state(key) == "open"]
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
@click.option("--team", metavar="ID", help="The key's team; else yours.")
@click.option("--user", metavar="ID", help="The key's user; else you.")
@click.option("--days", type=click.IntRange(min=1), help="It expires after so many days; else never.")
@click.option("--bulk", is_flag=True, help="Its jobs run when no one else's wait, unless they say otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reach_options
def create(name: str, permissions: tuple[str, ...], reach: Reach, as_json: bool, **asked: Any) -> None:
    """Make a key called NAME, and print it.

    It is shown this once, for nobody can look it up again.
    """
    expires = datetime.now(UTC) + timedelta(days=asked["days"]) if asked["days"] else None
    body = {
        "name": name,
        "permissions": list(permissions or DAILY),
        "team_id": asked["team"],
        "user_id": asked["user"],
        "bulk": asked["bulk"] or None,
        "expires_at": expires and expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    with reached(reach) as gateway:
        made = gateway.post("/admin/keys", {field: value for field, value in body.items() if value is not None})
    if as_json:
        print_json(made)
        return
    note(f"The key {made['id']}, shown this once:")
    click.echo(made["key"])


@keys.command()
@click.argument("key_id", metavar="ID")
@reach_options
def revoke(key_id: str, reach: Reach) -> None:
    """Revoke the key ID: it opens nothing from now on."""
    with reached(reach) as gateway:
        gateway.delete(f"/admin/keys/{key_id}")
    click.echo(f"{key_id} is revoked.")


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return "revoked"
    expires = key["expires_at"]
    if expires and datetime.fromisoformat(expires) <= datetime.now(UTC):
        return "expired"
    return "open"


def _day(time: str | None) -> str:
    return (time or "never")[:10]
