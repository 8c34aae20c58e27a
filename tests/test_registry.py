"""The registry: broken plugins are told of and live with, a name used twice is not; engines are built from their tables."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from engines.contract import Engine, EngineUnavailable, ModelCard, ModelSpec, ModelUnusable
from gateway.catalog import EngineEntry, ModelEntry, parse
from gateway.errors import CatalogError, ConfigurationError, SecretMissing
from gateway.registry import GROUP, Registry


class Brushes(Struct, frozen=True):
    brushes: int = 3


class Painter(Engine):
    Options = Brushes

    def __init__(self, name: str, options: Brushes) -> None:
        if options.brushes == 13:
            raise EngineUnavailable("13 brushes bring bad luck")
        if options.brushes == 0:
            raise ZeroDivisionError
        super().__init__(name, options)

    async def card(self, model: ModelSpec) -> ModelCard:
        return ModelCard(capabilities=("text_to_image",))


PLUGINS = """
import sys
from engines.contract import Engine, ModelCard, NoOptions
from msgspec import Struct

class Good(Engine):
    async def card(self, model):
        return ModelCard(capabilities=())

class Abstract(Engine):
    pass

class Clashing(Good):
    class ModelOptions(Struct):
        title: str = ""

class Shadowing(Good):
    class Options(Struct):
        plugin: str = ""

class Loose(Good):
    Options = dict

class Unresolved(Good):
    class ModelOptions(Struct):
        path: "Path"

class Opening(Good):
    set_by_http = frozenset({"trust"})

class Unrelated:
    pass

instance = Good("good", NoOptions())
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place to install plugins into; the distributions that are installed for real stay out of it."""
    (tmp_path / "plugins_of_strangers.py").write_text(PLUGINS)
    (tmp_path / "plugin_that_leaves.py").write_text("raise SystemExit(3)")
    kept = [entry for entry in sys.path if not any(Path(entry or ".").glob("*.dist-info"))]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *kept])
    yield tmp_path
    for name in ("plugins_of_strangers", "plugin_that_leaves"):
        sys.modules.pop(name, None)


def install(site: Path, distribution: str, **points: str) -> None:
    folder = site / f"{distribution}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (folder / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))


def test_a_plugin_is_found_by_its_entry_point(site: Path) -> None:
    install(site, "strangers", good="plugins_of_strangers:Good")
    registry = Registry.discover()
    assert set(registry.plugins) == {"good"}
    assert not registry.problems
    assert registry.build(EngineEntry(name="mine", plugin="good")).name == "mine"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("no_such_module:Good", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("plugins_of_strangers:Missing", "AttributeError"),
        ("plugin_that_leaves:Engine", "SystemExit: 3"),
        ("plugins_of_strangers:Unrelated", "not a subclass of engines.contract.Engine"),
        ("plugins_of_strangers:instance", "not a subclass"),
        ("plugins_of_strangers:Abstract", "it lacks card"),
        ("plugins_of_strangers:Clashing", "keys that are the gateway's: title"),
        ("plugins_of_strangers:Shadowing", "names the plugin"),
        ("plugins_of_strangers:Unresolved", "name 'Path' is not defined"),
        ("plugins_of_strangers:Opening", "set_by_http names no keys of its ModelOptions: trust"),
        ("plugins_of_strangers:Loose", "its Options is not a msgspec.Struct"),
    ],
)
def test_a_broken_plugin_takes_nothing_else_along(site: Path, value: str, says: str, caplog: pytest.LogCaptureFixture) -> None:
    install(site, "strangers", good="plugins_of_strangers:Good", broken=value)
    with caplog.at_level(logging.WARNING):
        registry = Registry.discover()
    assert set(registry.plugins) == {"good"}
    assert set(registry.problems) == {"broken"}
    assert says in registry.problems["broken"]
    assert "broken" in caplog.text
    catalog = parse('[engines.x]\nplugin = "broken"\n', registry)
    with pytest.raises(ConfigurationError, match='The engine "x" cannot run: the plugin broken'):
        registry.build(catalog.engines["x"])


def test_a_name_used_twice_is_fatal_and_names_both(site: Path) -> None:
    install(site, "strangers", good="plugins_of_strangers:Good")
    install(site, "others", good="plugins_of_strangers:Good")
    with pytest.raises(ConfigurationError) as raised:
        Registry.discover()
    assert "strangers" in raised.value.message
    assert "others" in raised.value.message


def test_nothing_installed_is_no_fault(site: Path) -> None:
    assert not Registry.discover().plugins


def test_an_engine_is_built_with_its_options() -> None:
    registry = Registry({"painter": Painter})
    first = registry.build(EngineEntry(name="a", plugin="painter", options_table={"brushes": 5}))
    assert (first.name, first.options.brushes) == ("a", 5)
    catalog = parse('[engines.b]\nplugin = "painter"\nbrushes = 7', registry)
    assert registry.build(catalog.engines["b"]).options.brushes == 7


def test_options_that_are_wrong_name_the_key() -> None:
    registry = Registry({"painter": Painter})
    with pytest.raises(CatalogError, match=r'\[engines\.a\] brushs: no such key; did you mean "brushes"'):
        registry.build(EngineEntry(name="a", plugin="painter", options_table={"brushs": 5}))


@pytest.mark.parametrize(("brushes", "says"), [(13, "13 brushes bring bad luck"), (0, "ZeroDivisionError")])
def test_an_engine_that_does_not_start_says_why(brushes: int, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f'"a" does not start: {says}'):
        Registry({"painter": Painter}).build(EngineEntry(name="a", plugin="painter", options_table={"brushes": brushes}))


def test_a_plugin_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match="there is no plugin painter"):
        Registry({}).build(EngineEntry(name="a", plugin="painter"))


def test_an_engine_is_told_its_secrets_when_it_asks(caplog: pytest.LogCaptureFixture) -> None:
    secrets = {"KEY": "one"}

    def secret(name: str) -> str:
        if name not in secrets:
            raise SecretMissing(f"The secret {name} is not set: put it into /data/secrets.toml.", field=name)
        return secrets[name]

    engine = Registry({"painter": Painter}).build(EngineEntry(name="a", plugin="painter"), secret)
    assert engine.secret("KEY") == "one"
    secrets["KEY"] = "two"
    assert engine.secret("KEY") == "two", "a key that is changed is used at once"
    assert engine.secret("") == ""
    with pytest.raises(ModelUnusable, match=r"OTHER is not set: put it in the environment or into secrets\.toml") as raised:
        engine.secret("OTHER")
    assert "/data" not in raised.value.message
    assert "/data/secrets.toml" in caplog.text
    assert "one" not in repr(engine.options)


def test_without_a_gateway_there_are_no_secrets() -> None:
    engine = Painter("a", Brushes())
    assert engine.secret("") == ""
    with pytest.raises(ModelUnusable, match="KEY is not set"):
        engine.secret("KEY")


def test_a_spec_carries_the_engines_own_keys() -> None:
    class Keyed(Painter):
        ModelOptions = Brushes

    registry = Registry({"painter": Keyed})
    engine = Keyed("a", Brushes())
    entry = ModelEntry(id="oil", engine="a", source="oils/one", revision="abc", options_table={"brushes": 2})
    assert registry.spec(entry, engine) == ModelSpec(id="oil", source="oils/one", revision="abc", options=Brushes(brushes=2))
    text = '[engines.a]\nplugin = "painter"\n[[models]]\nid = "oil"\nengine = "a"\nsource = "s"\nbrushes = 4'
    assert registry.spec(parse(text, registry).models["oil"], engine).options == Brushes(brushes=4)
    wrong = ModelEntry(id="oil", engine="a", source="s", options_table={"brushes": "many"})
    with pytest.raises(CatalogError, match="brushes"):
        registry.spec(wrong, engine)
