from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from gateway import accounts
from gateway.accounts import Principal, device_cookies, first_start, passwords
from gateway.accounts.brake import EMAIL, KNOWN, PAIR, TOKENS, Brake, stranger
from gateway.accounts.device_cookies import DAYS, DeviceCookies
from gateway.accounts.first_start import FirstStart
from gateway.accounts.sessions import Sessions
from gateway.accounts.signing_in import CROWD, Change, SignedIn, SignIn
from gateway.accounts.tables import audit, first_starts, users
from gateway.db import Database, across_teams, now
from gateway.errors import AlreadyExists, Forbidden, InvalidInput, NotAuthenticated, TooManyRequests
from tests.accounts.conftest import People

pytestmark = pytest.mark.usefixtures("cheap")
GOOD, NEW, HERE = "correct horse battery", "another one altogether", "192.0.2.7"


@pytest.fixture
def desk(database: Database) -> Sessions:
    return Sessions(database, b"key", lambda: 14)


@pytest.fixture
def sign_in(database: Database, desk: Sessions) -> SignIn:
    return SignIn(database, desk, DeviceCookies(b"key"))


@pytest.fixture
async def ada(database: Database, people: People) -> str:
    user = await people.user("ada", await people.team("red"))
    kept = await passwords.hash_password(GOOD)
    async with database.write() as connection:
        await connection.execute(update(users).where(users.c.id == user).values(password=kept))
    return user


async def test_with_the_right_password(sign_in: SignIn, desk: Sessions, ada: str) -> None:
    session, cookie, _ = await sign_in.by_password(" Ada@Example.ORG ", GOOD, HERE)
    who = await desk.authenticate(cookie)
    assert (who.user_id, who.session_id) == (session.user_id, session.id) == (ada, who.session_id)


async def test_all_that_is_wrong_is_told_alike(sign_in: SignIn, database: Database, ada: str, people: People) -> None:
    await people.user("keys-only")
    told = set()
    for email, password in (("ada@example.org", "wrong"), ("nobody@example.org", GOOD), ("keys-only@example.org", GOOD)):
        with pytest.raises(NotAuthenticated) as caught:
            await sign_in.by_password(email, password, HERE)
        told.add(caught.value.message)
    async with database.write() as connection:
        await connection.execute(update(users).where(users.c.id == ada).values(closed_at=now()))
    with pytest.raises(NotAuthenticated) as caught:
        await sign_in.by_password("ada@example.org", GOOD, HERE)
    assert told == {caught.value.message}


async def test_who_guesses_is_braked_and_the_owner_elsewhere_is_not(sign_in: SignIn, ada: str) -> None:
    for _ in range(PAIR.amount):
        with pytest.raises(NotAuthenticated):
            await sign_in.by_password("ada@example.org", "wrong", HERE)
    with pytest.raises(TooManyRequests) as caught:
        await sign_in.by_password("ada@example.org", GOOD, HERE)
    assert 1 <= int(caught.value.headers["Retry-After"]) <= 900
    assert (await sign_in.by_password("ada@example.org", GOOD, "198.51.100.1"))[0].user_id == ada


async def test_guesses_at_once_are_counted_one_by_one(sign_in: SignIn, ada: str) -> None:
    attempts = [sign_in.by_password("ada@example.org", "wrong", HERE) for _ in range(CROWD)]
    ended = await asyncio.gather(*attempts, return_exceptions=True)
    tried = [error for error in ended if isinstance(error, NotAuthenticated)]
    assert PAIR.amount <= len(tried) <= PAIR.amount + passwords.AT_ONCE - 1


async def test_a_crowd_is_sent_away(sign_in: SignIn, ada: str) -> None:
    attempts = [sign_in.by_password(f"{number}@example.org", "wrong", f"10.0.0.{number}") for number in range(CROWD + 5)]
    ended = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(error, TooManyRequests) for error in ended) == 5


async def test_a_crowd_of_strangers_keeps_no_known_browser_out(sign_in: SignIn, ada: str) -> None:
    device = (await sign_in.by_password("ada@example.org", GOOD, HERE)).device
    crowd = [sign_in.by_password(f"{number}@example.org", "wrong", f"10.0.0.{number}") for number in range(CROWD + 5)]
    *_, last = await asyncio.gather(*crowd, sign_in.by_password("ada@example.org", GOOD, HERE, device), return_exceptions=True)
    assert isinstance(last, SignedIn)


def test_a_success_forgets_ones_own_failures() -> None:
    counted, counts = Brake(), stranger("ada@example.org", HERE)
    for _ in range(3):
        for _ in range(PAIR.amount - 1):
            counted.failed(counts)
        counted.check(counts)
        counted.succeeded(counts)


@pytest.mark.parametrize(
    "addresses",
    [
        [f"2001:db8:1:2::{number:x}" for number in range(200)],
        ["::ffff:192.0.2.7", "192.0.2.7"] * 100,
        ["unix-socket"] * 200,
    ],
)
def test_one_address_is_braked_for_all_emails(addresses: list[str]) -> None:
    counted = Brake()
    for number, address in enumerate(addresses):
        counted.failed(stranger(f"{number}@example.org", address))
    with pytest.raises(TooManyRequests):
        counted.check(stranger("another@example.org", addresses[-1]))
    counted.check(stranger("another@example.org", "198.51.100.1"))


def test_one_email_is_braked_from_all_addresses() -> None:
    counted = Brake()
    for number in range(100):
        counted.failed(stranger("ada@example.org", f"10.0.0.{number}"))
    with pytest.raises(TooManyRequests):
        counted.check(stranger("ada@example.org", "198.51.100.1"))
    counted.check(stranger("bob@example.org", "10.0.0.1"))


async def test_strangers_lock_nobody_out_who_signed_in_before(sign_in: SignIn, ada: str) -> None:
    device = (await sign_in.by_password("ada@example.org", GOOD, HERE)).device
    for number in range(EMAIL.amount):
        sign_in._brake.failed(stranger("ada@example.org", f"10.0.{number}.1"))
        sign_in._brake.failed(stranger("ada@example.org", HERE))
    with pytest.raises(TooManyRequests):
        await sign_in.by_password("ada@example.org", GOOD, "198.51.100.1")
    for address in (HERE, "198.51.100.1"):
        assert (await sign_in.by_password(" ADA@example.org ", GOOD, address, device)).session.user_id == ada


async def test_a_known_browser_that_guesses_is_braked_alone(sign_in: SignIn, ada: str) -> None:
    stolen, other = [(await sign_in.by_password("ada@example.org", GOOD, HERE)).device for _ in range(2)]
    for number in range(KNOWN.amount):
        with pytest.raises(NotAuthenticated):
            await sign_in.by_password("ada@example.org", "wrong", f"10.0.0.{number}", stolen)
    with pytest.raises(TooManyRequests):
        await sign_in.by_password("ada@example.org", GOOD, HERE, stolen)
    for device in (other, None):
        await sign_in.by_password("ada@example.org", GOOD, HERE, device)


def test_a_device_cookie_is_for_its_address_alone_and_cannot_be_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = DeviceCookies(b"key")
    cookie = devices.issue("ada@example.org")
    assert devices.known(cookie, " Ada@Example.org") == cookie.partition(".")[0]
    name, day, signature = cookie.split(".")
    foreign = DeviceCookies(b"another").issue("ada@example.org")
    tampered = (f"{name}x.{day}.{signature}", f"{name}.{int(day) + 1}.{signature}", f"{name}.{day}.", cookie + "x")
    for wrong in (None, "", ".", "..", "ü.1.ü", foreign, *tampered, "x" * 1000):
        assert devices.known(wrong, "ada@example.org") is None
    assert devices.known(cookie, "bob@example.org") is None
    later = now() + (DAYS + 2) * 86_400_000_000
    monkeypatch.setattr(device_cookies, "now", lambda: later)
    assert devices.known(cookie, "ada@example.org") is None


async def test_strangers_keep_nobody_who_is_in_from_a_new_password(sign_in: SignIn, desk: Sessions, ada: str) -> None:
    who = await desk.authenticate((await sign_in.by_password("ada@example.org", GOOD, HERE)).cookie)
    for number in range(EMAIL.amount):
        sign_in._brake.failed(stranger("ada@example.org", f"10.0.{number}.1"))
    await sign_in.change(who, Change(password=NEW, current_password=GOOD))
    for _ in range(KNOWN.amount):
        with pytest.raises(InvalidInput):
            await sign_in.change(who, Change(password=GOOD, current_password="wrong"))
    with pytest.raises(TooManyRequests):
        await sign_in.change(who, Change(password=GOOD, current_password=NEW))


async def test_guesses_at_the_consoles_token_lock_nobody_out(sign_in: SignIn, database: Database, admin: Principal) -> None:
    token = await accounts.first_token(database) or ""
    for _ in range(TOKENS.amount):
        with pytest.raises(NotAuthenticated):
            await sign_in.by_first_token(asked("first_wrong"), HERE)
    with pytest.raises(TooManyRequests):
        await sign_in.by_first_token(asked("first_wrong"), HERE)
    with pytest.raises(NotAuthenticated):
        await sign_in.by_first_token(asked("first_wrong"), "198.51.100.1")
    signed_in = await sign_in.by_first_token(asked(token), HERE)  # even there: a proxy may stand before all of them
    assert (await sign_in.by_password("boss@example.org", GOOD, HERE, signed_in.device)).session.user_id == admin.user_id


async def test_a_dated_hash_is_made_anew(
    sign_in: SignIn, database: Database, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kept() -> str:
        async with database.read() as connection:
            return str((await connection.execute(select(users.c.password).where(users.c.id == ada))).scalar_one())

    before = await kept()
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    await sign_in.by_password("ada@example.org", GOOD, HERE)
    after = await kept()
    assert before != after
    await sign_in.by_password("ada@example.org", GOOD, HERE)
    assert await kept() == after


async def test_a_new_password_ends_the_other_sessions(sign_in: SignIn, desk: Sessions, ada: str) -> None:
    cookies = [(await sign_in.by_password("ada@example.org", GOOD, HERE))[1] for _ in range(2)]
    who = await desk.authenticate(cookies[0])
    await desk.authenticate(cookies[1])
    await sign_in.change(who, Change(password=NEW, current_password=GOOD, name="Ada L."))
    await desk.authenticate(cookies[0])
    with pytest.raises(NotAuthenticated, match="has ended"):
        await desk.authenticate(cookies[1])
    with pytest.raises(NotAuthenticated):
        await sign_in.by_password("ada@example.org", GOOD, HERE)
    await sign_in.by_password("ada@example.org", NEW, HERE)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (Change(password=NEW), "current_password"),
        (Change(password=NEW, current_password="wrong"), "current_password"),
        (Change(password="short", current_password=GOOD), "password"),
        (Change(password="ada@example.org", current_password=GOOD), "password"),
        (Change(name="  "), "name"),
    ],
)
async def test_a_change_that_cannot_be(sign_in: SignIn, desk: Sessions, ada: str, change: Change, field: str) -> None:
    _, cookie, _ = await sign_in.by_password("ada@example.org", GOOD, HERE)
    with pytest.raises(InvalidInput) as caught:
        await sign_in.change(await desk.authenticate(cookie), change)
    assert caught.value.field == field
    await sign_in.by_password("ada@example.org", GOOD, HERE)


async def test_a_key_changes_no_password(sign_in: SignIn, admin: Principal) -> None:
    with pytest.raises(Forbidden, match="sign in"):
        await sign_in.change(admin, Change(password=NEW, current_password=GOOD))


def asked(token: str, email: str = "Boss@Example.org", password: str = GOOD, name: str | None = "Boss") -> FirstStart:
    return FirstStart(token=token, email=email, password=password, name=name)


async def test_the_consoles_token_sets_the_administrators_password_once(
    sign_in: SignIn, desk: Sessions, database: Database, admin: Principal
) -> None:
    token = await accounts.first_token(database)
    assert token
    async with database.read() as connection:
        assert token not in str((await connection.execute(select(first_starts))).one())
    _, cookie, _ = await sign_in.by_first_token(asked(token), HERE)
    who = await desk.authenticate(cookie)
    assert (who.user_id, who.is_admin) == (admin.user_id, True)
    session, *_ = await sign_in.by_password("boss@example.org", GOOD, HERE)
    assert session.user_id == admin.user_id
    with pytest.raises(NotAuthenticated, match="void"):
        await sign_in.by_first_token(asked(token, password=NEW), HERE)
    assert await accounts.first_token(database) is None
    async with database.read() as connection:
        acts = (await connection.execute(across_teams(select(audit)).where(audit.c.action == "user.first_start"))).all()
    assert [(act.user_id, act.target) for act in acts] == [(admin.user_id, admin.user_id)]
    assert GOOD not in str(acts)
    assert "argon2" not in str(acts)


async def test_of_two_at_once_with_the_token_one_wins(sign_in: SignIn, database: Database, admin: Principal) -> None:
    token = await accounts.first_token(database) or ""
    both = (sign_in.by_first_token(asked(token, f"{name}@example.org"), HERE) for name in ("one", "two"))
    ended = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(each, NotAuthenticated) for each in ended) == 1


async def test_each_start_makes_the_token_before_void(sign_in: SignIn, database: Database, admin: Principal) -> None:
    old, new = [await accounts.first_token(database) or "" for _ in range(2)]
    for wrong in (old, "", "first_x", "x" * 1000, "ü"):
        with pytest.raises(NotAuthenticated, match="void"):
            await sign_in.by_first_token(asked(wrong), HERE)
    await sign_in.by_first_token(asked(new), HERE)


async def test_the_token_runs_out(
    sign_in: SignIn, database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await accounts.first_token(database) or ""
    monkeypatch.setattr(first_start, "now", lambda: now() + 25 * 3_600_000_000)
    with pytest.raises(NotAuthenticated, match="void"):
        await sign_in.by_first_token(asked(token), HERE)


async def test_a_password_that_came_another_way_makes_it_void(sign_in: SignIn, database: Database, admin: Principal) -> None:
    token = await accounts.first_token(database) or ""
    async with database.write() as connection:
        await connection.execute(update(users).where(users.c.id == admin.user_id).values(password="some hash"))
    with pytest.raises(NotAuthenticated, match="void"):
        await sign_in.by_first_token(asked(token), HERE)


@pytest.mark.parametrize(
    ("email", "password", "name", "field"),
    [
        ("no address", GOOD, None, "email"),
        ("boss@example.org", "short", None, "password"),
        ("b@example.org", GOOD, " ", "name"),
    ],
)
async def test_what_is_refused_leaves_the_token_good(
    sign_in: SignIn, database: Database, admin: Principal, email: str, password: str, name: str | None, field: str
) -> None:
    token = await accounts.first_token(database) or ""
    with pytest.raises(InvalidInput) as caught:
        await sign_in.by_first_token(asked(token, email, password, name), HERE)
    assert caught.value.field == field
    await sign_in.by_first_token(asked(token), HERE)


async def test_an_email_that_is_taken(sign_in: SignIn, database: Database, admin: Principal, ada: str) -> None:
    token = await accounts.first_token(database) or ""
    with pytest.raises(AlreadyExists, match="e-mail"):
        await sign_in.by_first_token(asked(token, "ada@example.org"), HERE)
    await sign_in.by_first_token(asked(token), HERE)
