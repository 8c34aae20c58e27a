"""`darkroom users`: the people behind keys and sign-ins."""

from __future__ import annotations

import sys
from typing import Any

import click

from gateway.cli.limits import limit_options, settle
from gateway.cli.lists import json_option
from gateway.cli.named import user_id
from gateway.cli.output import note, print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached


@click.group(invoke_without_command=True)
@click.pass_context
def users(context: click.Context) -> None:
    """List, make, change and close users.

    USER is a user's e-mail or id.

    \b
    Examples:
      darkroom users
      darkroom users create Ann --email ann@example.org --password
      darkroom users change ann@example.org --admin
      darkroom users password ann@example.org
      darkroom users limits ann@example.org --interactive-jobs 0
      darkroom users close ann@example.org
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@users.command("list")
@click.option("--all", "show_all", is_flag=True, help="The closed ones too.")
@json_option
@reach_options
def list_(reach: Reach, show_all: bool, as_json: bool) -> None:
    """List the users, newest first."""
    with reached(reach) as gateway:
        found = [user for user in gateway.every("/admin/users") if show_all or not user["closed_at"]]
    if as_json:
        print_json(found)
        return
    rows = [(each["name"], each["email"], each["is_admin"], each["has_password"], _state(each), each["id"]) for each in found]
    print_table(("name", "e-mail", "admin", "signs in", "state", "id"), rows, empty="There is no user.")


@users.command()
@click.argument("name")
@click.option("--email", metavar="ADDRESS", help="To sign in with; not given: one who only has keys.")
@click.option("--password", "wants_password", is_flag=True, help="Ask for a password to sign in with.")
@click.option("--admin", "is_admin", is_flag=True, help="May hold keys with the permission admin.")
@json_option
@reach_options
def create(name: str, email: str | None, wants_password: bool, is_admin: bool, reach: Reach, as_json: bool) -> None:
    """Make a user called NAME, and print their id.

    \b
    Examples:
      darkroom users create Ann --email ann@example.org --password
      darkroom users create "the shop"
    """
    body: dict[str, Any] = {"name": name, "is_admin": is_admin}
    if email:
        body["email"] = email
    if wants_password:
        body["password"] = _password()
    with reached(reach) as gateway:
        made = gateway.post("/admin/users", body)
    if as_json:
        print_json(made)
        return
    note(f"{name} is in no team yet: darkroom teams add TEAM {email or made['id']}")
    click.echo(made["id"])


@users.command()
@click.argument("user")
@click.option("--name", help="Another name.")
@click.option("--email", metavar="ADDRESS", help="Another address to sign in with.")
@click.option("--admin/--no-admin", "is_admin", default=None, help="May hold keys with the permission admin, or no more.")
@reach_options
def change(user: str, name: str | None, email: str | None, is_admin: bool | None, reach: Reach) -> None:
    """Change USER: what is not given stays.

    \b
    Examples:
      darkroom users change ann@example.org --name "Ann B."
      darkroom users change ann@example.org --admin
    """
    asked = {"name": name, "email": email, "is_admin": is_admin}
    body = {field: value for field, value in asked.items() if value is not None}
    if not body:
        raise click.UsageError("Say what to change: --name, --email, --admin or --no-admin.")
    with reached(reach) as gateway:
        gateway.patch(f"/admin/users/{user_id(gateway, user)}", body)
    click.echo(f"{user} is changed.")


@users.command(short_help="Show and change the limits of USER.")
@click.argument("user")
@limit_options
@json_option
@reach_options
def limits(user: str, reach: Reach, as_json: bool, **asked: Any) -> None:
    """Show the limits that USER has of their own, and change those that are given.

    A number goes before the one in models.toml, 0 lifts it, "usual" takes the own one away.

    \b
    Examples:
      darkroom users limits ann@example.org
      darkroom users limits ann@example.org --interactive-jobs 0
    """
    settle(reach, lambda gateway: f"/admin/users/{user_id(gateway, user)}", asked, as_json=as_json)


@users.command()
@click.argument("user")
@reach_options
def password(user: str, reach: Reach) -> None:
    """Set the password of USER, and end their sessions."""
    word = _password()
    with reached(reach) as gateway:
        gateway.patch(f"/admin/users/{user_id(gateway, user)}", {"password": word})
    click.echo(f"{user} has a new password.")


@users.command(short_help="Close USER: their keys and sessions open nothing.")
@click.argument("user")
@reach_options
def close(user: str, reach: Reach) -> None:
    """Close USER: their keys and sessions open nothing; what they made stays."""
    with reached(reach) as gateway:
        gateway.delete(f"/admin/users/{user_id(gateway, user)}")
    click.echo(f"{user} is closed.")


@users.command("open")
@click.argument("user")
@reach_options
def open_(user: str, reach: Reach) -> None:
    """Open USER again, as they were."""
    with reached(reach) as gateway:
        gateway.patch(f"/admin/users/{user_id(gateway, user)}", {"closed": False})
    click.echo(f"{user} is open.")


def _password() -> str:
    """Typed twice at a terminal; in a pipe the first line. Never an argument, which everyone on the machine could read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    word: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return word


def _state(user: dict[str, Any]) -> str:
    return "closed" if user["closed_at"] else "open"
