"""Secrets and the master key: where values come from, who can read the files, what races and damage do."""

from __future__ import annotations

import logging
import os
import stat
import threading
from pathlib import Path

import pytest

from gateway import secrets
from gateway.errors import ConfigurationError, SecretMissing
from gateway.secrets import Secrets


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text('A = "file"\nB = "file"\n')
    opened = Secrets.open(tmp_path, {"A": "environment", "B": " "})
    assert opened.get("A") == "environment"
    assert opened.get("B") == "file"
    assert opened.has("B")
    assert not opened.has("C")


def test_a_missing_secret_names_both_places(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing) as raised:
        Secrets.open(tmp_path, {}).get("OPENAI_API_KEY")
    assert "environment" in raised.value.message
    assert str(tmp_path / "secrets.toml") in raised.value.message
    assert raised.value.field == "OPENAI_API_KEY"


def test_a_secret_that_is_set_is_kept_closed_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text('# mine\nA = "old" # here\n')
    path.chmod(0o600)
    opened = Secrets.open(tmp_path, {})
    opened.set("A", 'new "quoted"')
    opened.set("B", "other")
    assert opened.get("A") == 'new "quoted"'
    assert path.read_text().startswith("# mine\n")
    assert "# here" in path.read_text()
    assert mode_of(path) == 0o600
    assert Secrets.open(tmp_path, {}).get("B") == "other"
    assert sorted(child.name for child in tmp_path.iterdir()) == ["master.key", "secrets.toml"]


def test_the_first_secret_makes_the_file(tmp_path: Path) -> None:
    Secrets.open(tmp_path, {}).set("A", "1")
    assert mode_of(tmp_path / "secrets.toml") == 0o600
    assert (tmp_path / "secrets.toml").read_text().startswith("# Secrets")


def test_a_secret_that_is_forgotten_leaves_the_others(tmp_path: Path) -> None:
    opened = Secrets.open(tmp_path, {"A": "the operator's"})
    opened.forget("NEVER_WAS")
    opened.set("ONE", "1")
    opened.set("TWO", "2")
    opened.forget("ONE")
    opened.forget("ONE")
    assert not opened.has("ONE")
    assert opened.get("TWO") == "2"
    assert (opened.is_the_operators("A"), opened.is_the_operators("TWO")) == (True, False)
    assert mode_of(opened.path) == 0o600


def test_a_secret_written_by_hand_is_seen(tmp_path: Path) -> None:
    opened = Secrets.open(tmp_path, {})
    assert not opened.has("A")
    (tmp_path / "secrets.toml").write_text('A = "1"\n')
    assert opened.get("A") == "1"
    (tmp_path / "secrets.toml").unlink()
    assert not opened.has("A")


@pytest.mark.parametrize("name", ["", "a b", "1a", "a.b", "a\n"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name for a secret"):
        Secrets.open(tmp_path, {}).set(name, "value")


@pytest.mark.parametrize(
    ("text", "says"), [("A = ", "not TOML"), ("A = 1", "A: a secret is text"), ("[t]\nA = ''", "no table")]
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "secrets.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        Secrets.open(tmp_path, {})


def test_the_master_key_is_made_once_and_closed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    first = Secrets.open(folder, {})
    assert len(first.master_key) == 32
    assert Secrets.open(folder, {}).master_key == first.master_key
    assert mode_of(folder / "master.key") == 0o600
    assert mode_of(folder) == 0o700
    assert [child.name for child in folder.iterdir()] == ["master.key"]


def test_starts_that_race_agree_on_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        keys.append(Secrets.open(tmp_path, {}).master_key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [child.name for child in tmp_path.iterdir()] == ["master.key"]


def test_a_filesystem_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    key = Secrets.open(tmp_path, {}).master_key
    assert Secrets.open(tmp_path, {}).master_key == key


@pytest.mark.parametrize("text", ["", "abcd", "z" * 64, "é"])
def test_a_damaged_key_is_never_replaced_in_silence(tmp_path: Path, text: str) -> None:
    (tmp_path / "master.key").write_text(text)
    with pytest.raises(ConfigurationError, match="damaged"):
        Secrets.open(tmp_path, {})
    assert (tmp_path / "master.key").read_text() == text


def test_a_key_that_is_lost_beside_its_database_is_not_replaced_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        Secrets.open(tmp_path, {})
        assert caplog.text == ""
        (tmp_path / "master.key").unlink()
        (tmp_path / "darkroom.db").touch()
        Secrets.open(tmp_path, {})
    assert "void" in caplog.text


@pytest.mark.parametrize("name", ["master.key", "secrets.toml"])
def test_a_file_that_others_can_read_is_closed(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    Secrets.open(tmp_path, {}).set("A", "1")
    (tmp_path / name).chmod(0o644)
    with caplog.at_level(logging.WARNING):
        Secrets.open(tmp_path, {})
    assert mode_of(tmp_path / name) == 0o600
    assert "0644" in caplog.text


def test_a_file_that_cannot_be_closed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Secrets.open(tmp_path, {})
    (tmp_path / "master.key").chmod(0o640)

    def not_ours(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", not_ours)
    with pytest.raises(ConfigurationError, match=r"chmod 600 .*master\.key"):
        Secrets.open(tmp_path, {})


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as raised:
        Secrets.open(tmp_path / "file" / "data", {})
    assert raised.value.field == "DARKROOM_DATA"
    assert str(tmp_path / "file") in raised.value.message


def test_derived_keys_differ_by_purpose_and_stay_the_same(tmp_path: Path) -> None:
    opened = Secrets.open(tmp_path, {})
    assert opened.derive("urls") == Secrets.open(tmp_path, {}).derive("urls")
    assert opened.derive("urls") != opened.derive("shares")
    assert len(opened.derive("urls")) == 32
    assert opened.derive("urls") != opened.master_key


def test_derivation_is_pinned() -> None:
    # Links made by one version open under the next. The value is openssl's.
    key = secrets.Secrets(Path(), {}, bytes(32)).derive("urls")
    assert key.hex() == "9ea28d11866bd4992f8ada3f0c979ad871818887b97f7d7237c4766c598e6d3e"


def test_nothing_secret_is_printed(tmp_path: Path) -> None:
    opened = Secrets.open(tmp_path, {"A": "hidden"})
    assert "hidden" not in repr(opened)
    assert opened.master_key.hex() not in repr(opened)
