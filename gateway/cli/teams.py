"""`darkroom teams`: who works together, shares pictures and pays from one wallet."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.limits import limit_options, settle
from gateway.cli.lists import json_option
from gateway.cli.named import team_id, user_id
from gateway.cli.output import note, print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached

ROLES = click.Choice(["viewer", "member", "owner"])


@click.group(invoke_without_command=True)
@click.pass_context
def teams(context: click.Context) -> None:
    """List, make, rename and close teams, and say who is in them.

    TEAM is a team's name or id, USER a user's e-mail or id.

    \b
    Examples:
      darkroom teams
      darkroom teams create studio
      darkroom teams add studio ann@example.org --role owner
      darkroom teams members studio
      darkroom teams limits studio --running-jobs 2 --requests-per-minute 600
      darkroom teams close studio
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@teams.command("list")
@click.option("--all", "show_all", is_flag=True, help="The closed ones too.")
@json_option
@reach_options
def list_(reach: Reach, show_all: bool, as_json: bool) -> None:
    """List the teams, newest first."""
    with reached(reach) as gateway:
        found = [team for team in gateway.every("/admin/teams") if show_all or not team["closed_at"]]
    if as_json:
        print_json(found)
        return
    rows = [(team["name"], team["members"], "closed" if team["closed_at"] else "open", team["id"]) for team in found]
    print_table(("name", "members>", "state", "id"), rows, empty="There is no team.")


@teams.command()
@click.argument("name")
@json_option
@reach_options
def create(name: str, reach: Reach, as_json: bool) -> None:
    """Make a team called NAME, and print its id."""
    with reached(reach) as gateway:
        made = gateway.post("/admin/teams", {"name": name})
    if as_json:
        print_json(made)
        return
    note(f"The team {name} has no member yet: darkroom teams add {name!r} USER")
    click.echo(made["id"])


@teams.command(short_help="Call TEAM NAME from now on.")
@click.argument("team")
@click.argument("name")
@reach_options
def rename(team: str, name: str, reach: Reach) -> None:
    """Call TEAM NAME from now on, also where models.toml names it by its name."""
    with reached(reach) as gateway:
        gateway.patch(f"/admin/teams/{team_id(gateway, team)}", {"name": name})
    click.echo(f"{team} is called {name} now.")


@teams.command()
@click.argument("team")
@reach_options
def close(team: str, reach: Reach) -> None:
    """Close TEAM: its keys open nothing; what it owns stays."""
    with reached(reach) as gateway:
        gateway.delete(f"/admin/teams/{team_id(gateway, team)}")
    click.echo(f"{team} is closed.")


@teams.command("open")
@click.argument("team")
@reach_options
def open_(team: str, reach: Reach) -> None:
    """Open TEAM again, as it was."""
    with reached(reach) as gateway:
        gateway.patch(f"/admin/teams/{team_id(gateway, team)}", {"closed": False})
    click.echo(f"{team} is open.")


@teams.command(short_help="Show and change the limits of TEAM.")
@click.argument("team")
@limit_options
@json_option
@reach_options
def limits(team: str, reach: Reach, as_json: bool, **asked: Any) -> None:
    """Show the limits that TEAM has of its own, and change those that are given.

    A number goes before the one in models.toml, 0 lifts it, "usual" takes the own one away.

    \b
    Examples:
      darkroom teams limits studio
      darkroom teams limits studio --running-jobs 2 --requests-per-minute 600
      darkroom teams limits studio --reset
    """
    settle(reach, lambda gateway: f"/admin/teams/{team_id(gateway, team)}", asked, as_json=as_json)


@teams.command()
@click.argument("team")
@json_option
@reach_options
def members(team: str, reach: Reach, as_json: bool) -> None:
    """List who is in TEAM, and as what."""
    with reached(reach) as gateway:
        found = list(gateway.every(f"/admin/teams/{team_id(gateway, team)}/members"))
    if as_json:
        print_json(found)
        return
    rows = [(each["name"], each["email"], each["role"], each["user_id"]) for each in found]
    print_table(("name", "e-mail", "role", "id"), rows, empty=f"{team} has no member.")


@teams.command()
@click.argument("team")
@click.argument("user")
@click.option("--role", type=ROLES, default="member", show_default=True, help="A viewer only looks; an owner also manages.")
@reach_options
def add(team: str, user: str, role: str, reach: Reach) -> None:
    """Let USER into TEAM.

    \b
    Examples:
      darkroom teams add studio ann@example.org
      darkroom teams add studio ann@example.org --role owner
    """
    with reached(reach) as gateway:
        body = {"user_id": user_id(gateway, user), "role": role}
        gateway.post(f"/admin/teams/{team_id(gateway, team)}/members", body)
    click.echo(f"{user} is in {team}, as {role}.")


@teams.command("role")
@click.argument("team")
@click.argument("user")
@click.argument("role", type=ROLES)
@reach_options
def change_role(team: str, user: str, role: str, reach: Reach) -> None:
    """Make USER a viewer, member or owner of TEAM.

    \b
    Examples:
      darkroom teams role studio ann@example.org viewer
    """
    with reached(reach) as gateway:
        gateway.patch(f"/admin/teams/{team_id(gateway, team)}/members/{user_id(gateway, user)}", {"role": role})
    click.echo(f"{user} is {role} in {team}.")


@teams.command(short_help="Take USER out of TEAM.")
@click.argument("team")
@click.argument("user")
@reach_options
def remove(team: str, user: str, reach: Reach) -> None:
    """Take USER out of TEAM and revoke their keys in it; what they made stays."""
    with reached(reach) as gateway:
        gateway.delete(f"/admin/teams/{team_id(gateway, team)}/members/{user_id(gateway, user)}")
    click.echo(f"{user} is out of {team}.")
