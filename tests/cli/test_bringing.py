"""Which files of a folder are brought, how they are sent, and when a new one is finished; without a gateway."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.cli.bringing import sending, watching
from gateway.cli.bringing.folder import File, picture, pictures
from gateway.cli.bringing.sending import Wish
from gateway.cli.bringing.tally import Tally
from gateway.cli.errors import Refused
from gateway.cli.gateway import Gateway
from tests.api.pictures import flat


def fail(name: str, reason: str) -> None:
    raise AssertionError(f"{name}: {reason}")


def write(folder: Path, name: str, data: bytes = b"") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(folder: Path) -> list[str]:
    return [each.name for each in pictures(folder, fail) if each]


def test_pictures_are_known_by_their_names_or_their_bytes(tmp_path: Path) -> None:
    write(tmp_path, "b.PNG", flat())
    write(tmp_path, "a/deep/c.webp", b"not yet looked into")
    write(tmp_path, "a/bare", flat())
    write(tmp_path, "a/b.txt", b"parameters")
    write(tmp_path, ".hidden.png", flat())
    write(tmp_path, ".trash/d.png", flat())
    (tmp_path / "away").symlink_to(tmp_path / "a")
    (tmp_path / "link.png").symlink_to(tmp_path / "b.PNG")
    (tmp_path / "dead.png").symlink_to(tmp_path / "none")
    found = list(pictures(tmp_path, fail))
    assert [each.name for each in found if each] == ["a/bare", "a/deep/c.webp", "b.PNG", "link.png"]
    assert found.count(None) == 1
    assert [each.tags for each in found if each] == [["a"], ["a", "deep"], [], []]


def test_thumbnails_beside_their_pictures_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "images/one.png", flat())
    write(tmp_path, "images/thumbnails/one.webp", b"small")
    write(tmp_path, "images/thumbnails/other.webp", b"a picture of its own")
    assert names(tmp_path) == ["images/one.png", "images/thumbnails/other.webp"]


def test_a_link_that_leads_to_itself_is_told_and_stops_nothing(tmp_path: Path) -> None:
    write(tmp_path, "z.png", flat())
    (tmp_path / "loop.png").symlink_to("loop.png")
    told: list[str] = []
    assert [each.name for each in pictures(tmp_path, lambda name, _: told.append(name)) if each] == ["z.png"]
    assert told == ["loop.png"]


def test_folders_lie_as_deep_as_they_like(tmp_path: Path) -> None:
    deepest = tmp_path
    for _ in range(1200):
        deepest /= "d"
        deepest.mkdir()
    write(deepest, "a.png", flat())
    write(tmp_path, "e.png", flat())
    found = [name[-5:] for name in names(tmp_path)]
    (deepest / "a.png").unlink()
    while deepest != tmp_path:  # what cleans up after tests does not go as deep
        deepest.rmdir()
        deepest = deepest.parent
    assert found == ["a.png", "e.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="platform: root may read everything")
def test_what_may_not_be_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a/a.png", flat())
    write(tmp_path, "b.png", flat())
    (tmp_path / "a").chmod(0)
    told: list[str] = []
    assert [each.name for each in pictures(tmp_path, lambda name, _: told.append(name)) if each] == ["b.png"]
    assert told == ["a"]
    (tmp_path / "a").chmod(0o700)


def test_names_that_are_no_text_can_be_told(tmp_path: Path) -> None:
    try:
        write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")), "a.png", flat())
    except OSError:
        pytest.skip("platform: this file system has names of text only")
    (file,) = [each for each in pictures(tmp_path, fail) if each]
    assert file.name == "\N{REPLACEMENT CHARACTER}/a.png"
    assert json.dumps(file.tags).encode()


def test_batches_are_bounded_by_files_and_by_bytes() -> None:
    def sizes(*given: int) -> list[list[int]]:
        files = [File(Path("a"), "a", size, 0) for size in given]
        return [[each.size for each in batch] for batch in sending.batches(files)]

    assert [len(batch) for batch in sizes(*[1] * 250)] == [100, 100, 50]
    assert sizes(1, sending.MOST_BYTES + 1, 1) == [[1], [sending.MOST_BYTES + 1], [1]]
    assert sizes() == []


def test_a_form_is_what_the_standard_says() -> None:
    body, media_type = sending.form({"files": [{"path": "ä"}]}, [b"\r\n--", b""])
    message = message_from_bytes(f"Content-Type: {media_type}\r\n\r\n".encode() + body)
    manifest, *files = cast("Any", message.get_payload())
    assert json.loads(manifest.get_payload(decode=True)) == {"files": [{"path": "ä"}]}
    assert [each.get_filename() for each in files] == ["f", "f"]
    assert body.count(b"\r\n--\r\n--") == 1


class FakeGateway:
    """Knows what it was sent, and says no as often as it is told to."""

    def __init__(self, *refusals: Refused, known: tuple[str, ...] = ()) -> None:
        self.refusals = list(refusals)
        self.known = known
        self.posted: list[list[str]] = []

    def post(self, path: str, body: dict[str, Any]) -> Any:
        paths = [each["path"] for each in body["files"]]
        return {"data": [{"path": each, "status": "joined" if each in self.known else "wanted"} for each in paths]}

    def post_bytes(self, path: str, body: bytes, media_type: str) -> Any:
        if self.refusals:
            raise self.refusals.pop(0)
        start = body.index(b"\r\n\r\n") + 4
        said = json.JSONDecoder().raw_decode(body[start:].decode("latin-1"))[0]["files"]
        self.posted.append([each["path"] for each in said])
        return {"data": [{"path": each["path"], "status": "added"} for each in said]}


def sent(gateway: FakeGateway, folder: Path, *names: str) -> dict[str, str]:
    files = [each for each in pictures(folder, fail) if each and each.name in names]
    outcomes = sending.send(cast("Gateway", gateway), Wish(folder), files)
    return {each["path"]: each["status"] for each in outcomes}


def test_only_what_is_wanted_is_sent(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        write(tmp_path, name, name.encode())
    gateway = FakeGateway(known=("b.png",))
    assert sent(gateway, tmp_path, "a.png", "b.png", "c.png") == {"a.png": "added", "b.png": "joined", "c.png": "added"}
    assert gateway.posted == [["a.png", "c.png"]]


def test_what_is_too_large_together_is_sent_alone(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write(tmp_path, name, name.encode())
    gateway = FakeGateway(Refused("too large", 413), Refused("too large", 413))
    assert sent(gateway, tmp_path, "a.png", "b.png") == {"a.png": "refused", "b.png": "added"}


def test_what_comes_too_often_waits_as_long_as_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    write(tmp_path, "a.png")
    gateway = FakeGateway(Refused("too often", 429, 7.0))
    assert sent(gateway, tmp_path, "a.png") == {"a.png": "added"}
    assert slept == [7.0]


def test_what_is_no_pictures_size_is_not_read(tmp_path: Path) -> None:
    with write(tmp_path, "a.png").open("wb") as file:
        file.truncate(sending.LARGEST_FILE + 1)
    gateway = FakeGateway()
    assert sent(gateway, tmp_path, "a.png") == {"a.png": "refused"}
    assert gateway.posted == []


def test_no_more_tags_are_sent_than_are_taken() -> None:
    deep = File(Path("a"), "d/" * 120 + "a.png", 1, 0)
    tags = Wish(Path(), tags=("mine", "ours")).tags_of(deep)
    assert (len(tags), tags[-2:]) == (100, ["mine", "ours"])


def test_any_other_refusal_ends_it(tmp_path: Path) -> None:
    write(tmp_path, "a.png")
    with pytest.raises(Refused):
        sent(FakeGateway(Refused("no", 403)), tmp_path, "a.png")


def test_a_file_that_goes_away_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png")
    file = picture(tmp_path, path, fail)
    assert file
    path.unlink()
    (outcome,) = sending.send(cast("Gateway", FakeGateway()), Wish(tmp_path), [file])
    assert (outcome["status"], outcome["path"]) == ("refused", "a.png")


WORDS: list[tuple[list[str], int, str]] = [
    ([], 0, "0 added"),
    (["added"] * 1200 + ["joined"], 0, "1,200 added, 1 here already"),
    (["refused", "trashed"], 3, "0 added, 1 in the trash, where they stay, 1 refused; 3 other files passed over"),
]


@pytest.mark.parametrize(("statuses", "others", "words"), WORDS)
def test_the_sum_is_told_in_words(statuses: list[str], others: int, words: str) -> None:
    tally = Tally()
    tally.passed_over = others
    tally.count([{"path": "a", "status": status, "reason": ""} for status in statuses])
    assert tally.words() == words


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SETTLED_SECONDS", 0.3)
    monkeypatch.setattr(watching, "_LOOK_EVERY", 50)


def first(folder: Path, taken: watching.States, meanwhile: Callable[[int], None], seconds: float = 20) -> list[File]:
    """What the watch finds first; `meanwhile` is told how often it has looked."""
    ends = time.monotonic() + seconds
    looks = watching.finished(folder, taken, fail)
    for count, files in enumerate(looks):
        if files or time.monotonic() > ends:
            return files
        meanwhile(count)
    raise AssertionError("the watch ended by itself")


@pytest.mark.usefixtures("quickly")
def test_the_watch_waits_until_a_file_is_written(tmp_path: Path) -> None:
    data = flat()

    def grow(count: int) -> None:
        if count <= 8:
            write(tmp_path, "new/a.png", data[: 20 * (count + 1)] if count < 8 else data)

    (found,) = first(tmp_path, {}, grow)
    assert (found.name, found.size) == ("new/a.png", len(data))


@pytest.mark.usefixtures("quickly")
def test_the_watch_leaves_what_was_taken_until_it_changes(tmp_path: Path) -> None:
    write(tmp_path, "a.png", flat())
    write(tmp_path, "b.png", flat())
    write(tmp_path, ".c.png", flat())
    taken = {each.name: each.state for each in pictures(tmp_path, fail) if each}

    def change(count: int) -> None:
        if count == 10:
            write(tmp_path, "b.png", flat(width=9))

    assert [each.name for each in first(tmp_path, taken, change)] == ["b.png"]


@pytest.mark.usefixtures("quickly")
def test_a_folder_that_is_moved_here_is_taken_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    write(tmp_path, "elsewhere/deep/a.png", flat())

    def move(count: int) -> None:
        if count == 3:
            (tmp_path / "elsewhere").rename(tmp_path / "watched" / "here")

    assert [each.name for each in first(tmp_path / "watched", {}, move)] == ["here/deep/a.png"]
