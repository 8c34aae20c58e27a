"""Lanes that sleep while nobody needs them, by commands and addresses that are really run and called."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engines.contract import EngineUnavailable, Health
from gateway.catalog import LaneTable
from gateway.errors import SecretMissing
from gateway.scheduling import sleeping
from gateway.scheduling.sleeping import Left, Sleeper
from gateway.workers.host import Host


class Bed:
    """A host that is well as long as a file is there."""

    asks = True

    def __init__(self, sign: Path) -> None:
        self.sign = sign
        self.asked = 0

    async def health(self) -> Health:
        self.asked += 1
        return Health(ok=self.sign.exists(), reason="it sleeps")


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(tmp_path / "awake")


def sleeper(bed: Bed, **table: object) -> Sleeper:
    told = {"wake": ("touch", str(bed.sign)), "sleep": ("rm", "-f", str(bed.sign)), **table}
    return Sleeper("far/one", _host(bed), LaneTable(**told), None)  # type: ignore[arg-type]


def _host(bed: Bed) -> Host:
    return bed  # type: ignore[return-value]


def wanted() -> bool:
    return True


async def test_it_is_woken_put_to_sleep_and_woken_again(bed: Bed) -> None:
    one = sleeper(bed)
    await one.wake(wanted)
    assert (one.asleep, bed.sign.exists(), one.guess) == (False, True, 0.0)
    assert one.seconds is None, "who was perhaps awake teaches nothing"
    await one.sleep()
    assert (one.asleep, bed.sign.exists(), one.guess) == (True, False, sleeping.FIRST_GUESS)
    await one.wake(wanted)
    assert one.asleep is False
    assert one.seconds is not None
    await one.sleep()
    assert one.guess == one.seconds


async def test_one_that_is_awake_is_not_woken_twice(bed: Bed) -> None:
    one = sleeper(bed)
    await one.wake(wanted)
    bed.sign.unlink()
    await one.wake(wanted)
    assert not bed.sign.exists()


async def test_it_is_waited_for_until_it_is_well(bed: Bed) -> None:
    one = sleeper(bed, wake=("true",))
    waiting = asyncio.create_task(one.wake(wanted))
    while bed.asked < 2:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    bed.sign.touch()
    await waiting
    assert one.asleep is False


@pytest.mark.parametrize(
    ("wake", "seconds", "told"),
    [
        (("false",), 5.0, "The command false ended with status 1."),
        (("sh", "-c", "echo no power >&2; exit 3"), 5.0, "The command sh ended with status 3: no power"),
        (("no-such-command-here",), 5.0, "The command no-such-command-here cannot be run (No such file or directory)."),
        (("true",), 1.0, "it was woken and is not well after 1 s"),
        (("sleep", "60"), 1.0, "it was woken and is not well after 1 s"),
        ("http://127.0.0.1:9/wake", 5.0, "127.0.0.1 cannot be reached (ConnectError)."),
    ],
)
async def test_one_that_cannot_be_woken_has_begun_nothing(
    bed: Bed, wake: str | tuple[str, ...], seconds: float, told: str
) -> None:
    one = sleeper(bed, wake=wake, wake_seconds=seconds)
    began = time.monotonic()
    with pytest.raises(EngineUnavailable) as raised:
        await one.wake(wanted)
    assert (one.trouble, raised.value.message) == (f"It could not be woken: {told}", sleeping.COULD_NOT)
    assert (raised.value.begun, one.asleep) == (False, None)
    assert time.monotonic() - began < 20


async def test_who_leaves_stops_the_waking(bed: Bed, tmp_path: Path) -> None:
    one = sleeper(bed, wake=("sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"))
    left = asyncio.Event()
    waking = asyncio.create_task(one.wake(lambda: not left.is_set()))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        await asyncio.sleep(0.01)
    left.set()
    with pytest.raises(Left):
        await waking
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()


async def test_who_leaves_is_not_kept_by_a_question(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def no_answer() -> Health:
        asked.set()
        await asyncio.sleep(60)
        return Health(ok=True)

    monkeypatch.setattr(bed, "health", no_answer)
    waking = asyncio.create_task(sleeper(bed, wake=("true",)).wake(lambda: not left.is_set()))
    await asked.wait()
    left.set()
    async with asyncio.timeout(10):
        with pytest.raises(Left):
            await waking


async def test_one_that_was_woken_in_part_is_put_to_sleep(bed: Bed) -> None:
    one = sleeper(bed)
    await one.wake(wanted)
    await one.sleep()
    assert one.sleeps_at(0.0) is None
    with pytest.raises(Left):
        await one.wake(lambda: False)
    assert one.asleep is True
    assert one.sleeps_at(0.0) is not None, "it may be on its way up, and cost"
    await one.sleep()
    assert one.sleeps_at(0.0) is None


async def test_one_that_fell_silent_is_put_to_sleep_as_well(bed: Bed) -> None:
    one = sleeper(bed)
    assert one.heard(await bed.health()) is True
    assert one.sleeps_at(0.0) is None, "it was never seen awake"
    one = sleeper(bed)
    bed.sign.touch()
    one.heard(await bed.health())
    bed.sign.unlink()
    assert one.heard(await bed.health()) is True
    assert one.sleeps_at(0.0) is not None


async def test_one_that_cannot_be_put_to_sleep_is_tried_ever_less(bed: Bed) -> None:
    one = sleeper(bed, sleep=("false",))
    for pause in (60, 120):
        await one.sleep()
        assert (one.sleeps_at(0.0) or 0) - time.time() == pytest.approx(pause, abs=5)
    assert one.trouble == "It could not be put to sleep: The command false ended with status 1."


async def test_one_that_will_not_sleep_stays_awake_and_is_tried_later(bed: Bed) -> None:
    one = sleeper(bed, sleep=("false",), idle_seconds=1.0)
    one.asleep = False
    await one.sleep()
    assert one.asleep is False
    assert (one.sleeps_at(0.0) or 0) > time.time() + sleeping.AGAIN_SECONDS - 5


async def test_one_that_does_not_answer_sleeps(bed: Bed) -> None:
    one = sleeper(bed)
    assert one.heard(await bed.health()) is True
    assert one.asleep is True
    assert sleeper(bed, wake=None).heard(await bed.health()) is False, "nobody can wake it, so it is unwell"
    bed.sign.touch()
    assert one.heard(await bed.health()) is False


async def test_an_address_is_called_with_the_key(bed: Bed) -> None:
    async with _called() as (url, heard):
        told = LaneTable(wake=f"{url}/wake?model=7", sleep=f"{url}/sleep", key="WAKER")
        one = Sleeper("far/one", _host(bed), told, {"WAKER": "s3cret"}.__getitem__)
        bed.sign.touch()
        await one.wake(wanted)
        await one.sleep()
    assert [(line, "Authorization: Bearer s3cret" in head) for line, head in heard] == [
        ("POST /wake?model=7 HTTP/1.1", True),
        ("POST /sleep HTTP/1.1", True),
    ]


async def test_an_address_that_refuses_is_told(bed: Bed) -> None:
    async with _called(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as (url, _):
        one = sleeper(bed, wake=url)
        with pytest.raises(EngineUnavailable):
            await one.wake(wanted)
    assert one.trouble.endswith("127.0.0.1 answered 403.")


async def test_a_secret_that_is_missing_is_told(bed: Bed) -> None:
    def missing(name: str) -> str:
        raise SecretMissing("The secret WAKER is not set.")

    one = Sleeper("far/one", _host(bed), LaneTable(wake="http://127.0.0.1:9", key="WAKER"), missing)
    with pytest.raises(EngineUnavailable):
        await one.wake(wanted)
    assert one.trouble.endswith("The secret WAKER is not set.")


@asynccontextmanager
async def _called(
    answer: bytes = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """A server that gives one answer; (request line, headers) of what it heard."""
    heard: list[tuple[str, str]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        heard.append((head.splitlines()[0], head))
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
