"""`darkroom audit`: what administrators and owners did."""

from __future__ import annotations

import itertools
import json
from typing import Any

import click

from gateway.cli.lists import json_option
from gateway.cli.named import user_id
from gateway.cli.output import note, print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached


@click.command()
@click.option("--user", metavar="USER", help="Only what this user did; an e-mail or an id.")
@click.option("--action", metavar="ACTION", help="Only this, such as team.create or key.revoke.")
@click.option("--target", metavar="ID", help="Only what was done to this: the id of a team, a user or a key, a model's name.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@json_option
@reach_options
def audit(user: str | None, action: str | None, target: str | None, limit: int, reach: Reach, as_json: bool) -> None:
    """List what administrators and owners did, newest first. Times are UTC.

    \b
    Examples:
      darkroom audit
      darkroom audit --user ann@example.org --action key.revoke
      darkroom audit --limit 1000 --json
    """
    with reached(reach) as gateway:
        filters = {"user_id": user and user_id(gateway, user), "action": action, "target": target}
        found = list(itertools.islice(gateway.every("/admin/audit", **filters), limit + 1))
    shown = found[:limit]
    if as_json:
        print_json(shown)
        return
    rows = [
        (_when(each), each["user_name"] or each["user_id"], each["action"], each["target"], _details(each)) for each in shown
    ]
    print_table(("when", "who", "what", "to", "details"), rows, empty="Nothing that fits was done.")
    if len(found) > limit:
        note(f"There are older ones; --limit {limit * 10} shows more.")


def _when(act: dict[str, Any]) -> str:
    return str(act["created_at"])[:19].replace("T", " ")


def _details(act: dict[str, Any]) -> str:
    told = {**act["details"], **({"from": act["address"]} if act.get("address") else {})}
    return ", ".join(f"{name}: {each if isinstance(each, str) else json.dumps(each)}" for name, each in told.items())
