"""The wiring: every variable and flag, their precedence, and what a bad value is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import make_url

from gateway.errors import ConfigurationError
from gateway.wiring import SETTINGS, Wiring


def test_an_empty_environment_gives_the_defaults() -> None:
    wiring = Wiring.from_environment({})
    assert wiring.data.name == "darkroom"
    assert wiring.data.is_absolute()
    assert (wiring.host, wiring.port, wiring.log) == ("127.0.0.1", 7878, "info")
    assert wiring.models_path == wiring.data / "models.toml"
    assert wiring.server_file == wiring.data / "server.json"
    assert wiring.lock_file == wiring.data / "darkroom.lock"
    assert wiring.url == "http://127.0.0.1:7878"
    assert wiring.admin_key is None


def test_everything_else_lies_in_the_data_folder(tmp_path: Path) -> None:
    wiring = Wiring.from_environment({"DARKROOM_DATA": str(tmp_path)})
    assert make_url(wiring.database).database == str(tmp_path / "darkroom.db")
    assert make_url(wiring.database).drivername == "sqlite"
    assert wiring.blobs_url == (tmp_path / "blobs").as_uri()


def test_every_variable_is_read(tmp_path: Path) -> None:
    wiring = Wiring.from_environment(
        {
            "DARKROOM_DATA": str(tmp_path),
            "DARKROOM_MODELS": str(tmp_path / "mine.toml"),
            "DARKROOM_DATABASE_URL": "postgresql://darkroom:pass@db.example/darkroom",
            "DARKROOM_BLOBS": "s3://pictures/here",
            "DARKROOM_HOST": "0.0.0.0",
            "DARKROOM_PORT": "80",
            "DARKROOM_PUBLIC_URL": "https://example.org/darkroom/",
            "DARKROOM_ADMIN_KEY": "dk_preset",
            "DARKROOM_LOG": "Warning",
        }
    )
    assert wiring.models_path == tmp_path / "mine.toml"
    assert wiring.database == "postgresql://darkroom:pass@db.example/darkroom"
    assert wiring.blobs_url == "s3://pictures/here"
    assert (wiring.host, wiring.port, wiring.log) == ("0.0.0.0", 80, "warning")
    assert wiring.url == wiring.public_url == "https://example.org/darkroom"
    assert wiring.admin_key == "dk_preset"


def test_a_flag_wins_over_its_variable_and_an_empty_variable_is_none() -> None:
    environ = {"DARKROOM_PORT": "1000", "DARKROOM_HOST": "", "DARKROOM_PUBLIC_URL": "  "}
    wiring = Wiring.from_environment(environ, port=2000, host=None)
    assert (wiring.port, wiring.host, wiring.public_url) == (2000, "127.0.0.1", None)


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PORT", "4321")
    assert Wiring.from_environment().port == 4321


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:7878"),
        ("::", "http://[::1]:7878"),
        ("[::1]", "http://[::1]:7878"),
        ("box.local", "http://box.local:7878"),
        ("192.168.1.5", "http://192.168.1.5:7878"),
    ],
)
def test_the_address_that_is_told_is_one_that_can_be_opened(host: str, url: str) -> None:
    assert Wiring.from_environment({}, host=host).url == url


@pytest.mark.parametrize(
    "url", ["sqlite:////srv/d.db", "sqlite+aiosqlite:///d.db", "postgres://db/x", "postgresql+psycopg://db/x"]
)
def test_a_database_may_be_of_either_kind_with_or_without_its_driver(url: str) -> None:
    assert Wiring.from_environment({"DARKROOM_DATABASE_URL": url}).database == url


def test_blobs_may_be_a_plain_folder(tmp_path: Path) -> None:
    assert Wiring.from_environment({"DARKROOM_BLOBS": str(tmp_path / "b c")}).blobs_url == (tmp_path / "b c").as_uri()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("DARKROOM_DATA", __file__, "not a folder"),
        ("DARKROOM_MODELS", str(Path(__file__).parent), "is a folder"),
        ("DARKROOM_DATABASE_URL", "postgresq://db", 'did you mean "postgresql"'),
        ("DARKROOM_DATABASE_URL", "mysql://db", "sqlite:///"),
        ("DARKROOM_DATABASE_URL", "/srv/darkroom.db", "sqlite:///"),
        ("DARKROOM_BLOBS", "fiel:///srv", 'did you mean "file"'),
        ("DARKROOM_BLOBS", __file__, "not a folder"),
        ("DARKROOM_HOST", "127.0.0.1:80", "the port has a setting of its own"),
        ("DARKROOM_HOST", "http://box", "127.0.0.1"),
        ("DARKROOM_HOST", "300.1.1.1", "127.0.0.1"),
        ("DARKROOM_PORT", "http", "65535"),
        ("DARKROOM_PORT", "65536", "65535"),
        ("DARKROOM_PORT", "-1", "65535"),
        ("DARKROOM_PORT", "٣", "65535"),
        ("DARKROOM_PUBLIC_URL", "example.org", "https://"),
        ("DARKROOM_PUBLIC_URL", "ftp://example.org", "https://"),
        ("DARKROOM_PUBLIC_URL", "https://example.org/?a=1", "https://"),
        ("DARKROOM_PUBLIC_URL", "https://example.org:port", "https://"),
        ("DARKROOM_PUBLIC_URL", "https://[::1", "https://"),
        ("DARKROOM_PUBLIC_URL", "https://user@example.org", "https://"),
        ("DARKROOM_ADMIN_KEY", "two words", "without a space"),
        ("DARKROOM_LOG", "inof", 'did you mean "info"'),
    ],
)
def test_a_bad_value_is_refused_with_its_variable_its_flag_and_the_cure(variable: str, value: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Wiring.from_environment({variable: value})
    message = raised.value.message
    assert raised.value.field == variable
    assert message.startswith(variable)
    assert says in message
    assert ("--" in message) == (variable != "DARKROOM_ADMIN_KEY")


def test_a_bad_flag_is_refused_too() -> None:
    with pytest.raises(ConfigurationError, match=r"DARKROOM_PORT \(--port\): \"99999\""):
        Wiring.from_environment({}, port=99999)
    with pytest.raises(ConfigurationError, match="--host"):
        Wiring.from_environment({}, host="")


def test_every_bad_value_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Wiring.from_environment({"DARKROOM_PORT": "x", "DARKROOM_LOG": "y"})
    assert "DARKROOM_PORT" in raised.value.message
    assert "DARKROOM_LOG" in raised.value.message


def test_an_unknown_flag_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="prot"):
        Wiring.from_environment({}, prot=1)


def test_nothing_secret_is_printed() -> None:
    environ = {"DARKROOM_ADMIN_KEY": "dk_hidden", "DARKROOM_DATABASE_URL": "postgresql://u:hunter2@db/x", "OTHER": "s3cret"}
    wiring = Wiring.from_environment(environ)
    out = io.StringIO()
    Console(file=out, width=1000).print(wiring)
    for text in (repr(wiring), str(wiring), out.getvalue()):
        assert not any(word in text for word in ("dk_hidden", "hunter2", "s3cret"))
    with pytest.raises(ConfigurationError) as raised:
        Wiring.from_environment({"DARKROOM_DATABASE_URL": "mysql://u:hunter2@db/x", "DARKROOM_ADMIN_KEY": "h idden"})
    assert "hunter2" not in raised.value.message
    assert "h idden" not in raised.value.message


def test_the_environment_is_handed_on_and_cannot_be_changed() -> None:
    environ = {"OPENAI_API_KEY": "sk"}
    wiring = Wiring.from_environment(environ)
    environ.clear()
    assert wiring.environment["OPENAI_API_KEY"] == "sk"
    with pytest.raises(TypeError):
        wiring.environment["OPENAI_API_KEY"] = "other"  # type: ignore[index]


def test_every_variable_is_a_field() -> None:
    assert {setting.name for setting in SETTINGS} == set(Wiring.__struct_fields__) - {"environment"}
