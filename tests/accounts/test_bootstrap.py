from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import func, select, update

from gateway import accounts
from gateway.accounts.tables import keys, members, teams, users
from gateway.db import Database, across_teams
from gateway.errors import ConfigurationError, NotAuthenticated

PRESET = "preset-key-of-the-operator"


async def test_the_first_start_makes_one_of_each_and_shows_the_key_once(database: Database) -> None:
    text = await accounts.bootstrap(database)
    assert text is not None
    assert re.fullmatch(r"dk_[A-Za-z0-9_-]{43}", text)
    assert await accounts.bootstrap(database) is None
    async with database.read() as connection:
        for table in (teams, users, members, keys):
            assert (await connection.execute(across_teams(select(func.count()).select_from(table)))).scalar_one() == 1
    principal = await accounts.authenticate(database, text)
    assert principal.is_admin
    assert principal.permissions == set(accounts.PERMISSIONS)
    who = await accounts.profile(database, principal)
    assert (who.team_name, who.user_name, who.role, who.key_name) == ("default", "admin", "owner", "first start")


async def test_the_key_is_not_in_the_database(database: Database) -> None:
    text = await accounts.bootstrap(database)
    async with database.read() as connection:
        row = (await connection.execute(across_teams(select(keys)))).one()
    assert text is not None
    assert text.startswith(row.prefix)
    assert text not in " ".join(map(str, row))


async def test_a_preset_key_is_the_administrators_and_is_not_shown(database: Database) -> None:
    assert await accounts.bootstrap(database, PRESET + "\n") is None
    assert (await accounts.authenticate(database, PRESET)).is_admin
    (key,) = await accounts.list_keys(database, await accounts.authenticate(database, PRESET))
    assert key.origin == "preset"


async def test_a_changed_preset_key_replaces_the_earlier_one(database: Database) -> None:
    await accounts.bootstrap(database, PRESET)
    await accounts.authenticate(database, PRESET)  # so that it is in the cache
    await accounts.bootstrap(database, PRESET + "-2")
    assert (await accounts.authenticate(database, PRESET + "-2")).is_admin
    with pytest.raises(NotAuthenticated, match="revoked"):
        await accounts.authenticate(database, PRESET)


async def test_a_preset_key_that_comes_back_works_again(database: Database) -> None:
    for preset in (PRESET, PRESET + "-2", PRESET):
        await accounts.bootstrap(database, preset)
    assert (await accounts.authenticate(database, PRESET)).is_admin
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(database, PRESET + "-2")


async def test_a_preset_key_can_come_later_and_leaves_the_first_ones_key(database: Database) -> None:
    first = await accounts.bootstrap(database)
    assert await accounts.bootstrap(database, PRESET) is None
    mine, preset = await accounts.authenticate(database, first), await accounts.authenticate(database, PRESET)
    assert (mine.user_id, mine.team_id) == (preset.user_id, preset.team_id)


async def test_a_key_that_was_made_here_can_become_the_preset_one(database: Database) -> None:
    first = await accounts.bootstrap(database)
    admin = await accounts.authenticate(database, first)
    _, reader = await accounts.create_key(database, admin, "reader", ["gallery.read"])
    await accounts.bootstrap(database, reader)
    assert (await accounts.authenticate(database, reader)).is_admin


async def test_an_unset_preset_key_stays_until_it_is_revoked(database: Database) -> None:
    await accounts.bootstrap(database, PRESET)
    await accounts.bootstrap(database, "  ")
    admin = await accounts.authenticate(database, PRESET)
    await accounts.revoke_key(database, admin, admin.key_id)
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(database, PRESET)


@pytest.mark.parametrize("preset", ["two words", "schlüssel-der-anlage", "x" * 201, "tab\tinside"])
async def test_a_preset_key_that_no_client_could_send_is_refused(database: Database, preset: str) -> None:
    with pytest.raises(ConfigurationError, match="DARKROOM_ADMIN_KEY") as caught:
        await accounts.bootstrap(database, preset)
    assert preset not in caught.value.message


async def test_a_short_preset_key_works_and_is_warned_of(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await accounts.bootstrap(database, "tiny")
    assert "only 4 characters" in caplog.text
    assert "tiny" not in caplog.text
    assert (await accounts.authenticate(database, "tiny")).is_admin


async def test_each_start_gives_the_command_another_key_and_one_row(database: Database) -> None:
    await accounts.bootstrap(database)
    old = await accounts.command_key(database)
    assert (await accounts.authenticate(database, old)).is_admin
    new = await accounts.command_key(database)  # as after a kill -9, which revoked nothing
    admin = await accounts.authenticate(database, new)
    with pytest.raises(NotAuthenticated, match="not known"):
        await accounts.authenticate(database, old)
    assert [key.origin for key in await accounts.list_keys(database, admin)].count("command") == 1
    await accounts.revoke_command_key(database)
    with pytest.raises(NotAuthenticated, match="revoked"):
        await accounts.authenticate(database, new)
    assert (await accounts.authenticate(database, await accounts.command_key(database))).is_admin


async def test_a_command_key_needs_an_administrator(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="bootstrap"):
        await accounts.command_key(database)


async def test_a_database_without_an_administrator_says_so(database: Database) -> None:
    await accounts.bootstrap(database)
    async with database.write() as connection:
        await connection.execute(update(users).values(is_admin=False))
    with pytest.raises(ConfigurationError, match="is_admin"):
        await accounts.bootstrap(database, PRESET)
