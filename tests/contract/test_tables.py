"""The models of a file that the contract suite is run over."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from engines.contract import ModelSpec
from engines.suite import tables
from engines.suite.tables import Case, cases
from tests.fakes.fake_engine import FakeEngine, FakeOptions, Script

ENGINE = '[engines.x]\nplugin = "fake"\n'
MODEL = '[[models]]\nid = "a"\nengine = "x"\nsource = "fake:a"\n'


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("fake", "tests.fakes.fake_engine:FakeEngine", tables.GROUP)
    monkeypatch.setattr(tables.metadata, "entry_points", lambda group: [point] if group == tables.GROUP else [])


def read(tmp_path: Path, text: str) -> list[Case]:
    file = tmp_path / "models.toml"
    file.write_text(text)
    return cases(file)


def test_each_model_comes_with_the_engine_of_its_table(tmp_path: Path) -> None:
    text = f'{ENGINE}journal = "j"\n{MODEL}max_images = 2\ntitle = "A"\n[[models]]\nid = "old"\nretired = "a"\n'
    (case,) = read(tmp_path, text)
    assert case.model == ModelSpec("a", "fake:a", "suite", Script(max_images=2))
    engine = case.build()
    assert isinstance(engine, FakeEngine)
    assert (engine.name, engine.options) == ("x", FakeOptions(journal="j"))
    assert case.build() is not engine


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[models", "models.toml cannot be read"),
        (MODEL, r'the model "a" has the engine "x", and there is no \[engines.x\]'),
        (f'[engines.x]\nplugin = "y"\n{MODEL}', r'no plugin "y" installed \(fake\)'),
        (f"{ENGINE}feild = 1\n{MODEL}", r"\[engines.x\]: Object contains unknown field `feild`"),
        (f'{ENGINE}{MODEL}max_images = "many"', r'\[\[models\]\] "a": Expected `int`'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        cases(tmp_path / "none.toml")
