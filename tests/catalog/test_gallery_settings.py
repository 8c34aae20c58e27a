"""[settings.gallery], [settings.openwebui] and [settings.chat]: what of them is refused, by name."""

from __future__ import annotations

import pytest

from gateway.catalog import parse
from gateway.errors import CatalogError
from gateway.registry import Registry

MODEL = '\n[[models]]\nid = "oil"\nengine = "easel"\nsource = "oils/one"\naliases = ["paint"]\n'


@pytest.mark.parametrize("name", ["", "oil", "paint"])
def test_the_edit_model_is_one_that_there_is(registry: Registry, head: str, name: str) -> None:
    text = f'{head}\n{MODEL}\n[settings.gallery]\nedit_model = "{name}"\n'
    assert parse(text, registry).settings.gallery.edit_model == name


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            '[settings.gallery]\nedit_model = "oill"',
            '[settings.gallery] edit_model: there is no model "oill"; did you mean "oil"?',
        ),
        ("[settings.gallery]\nedit_model = 1", "edit_model"),
        (
            '[settings.openwebui]\nmodel = "oill"',
            '[settings.openwebui] model: there is no model "oill"; did you mean "oil"?',
        ),
        ('[settings.openwebui]\nedit_model = "x"', '[settings.openwebui] edit_model: there is no model "x"'),
        (
            '[settings.openwebui]\nengine = "easle"',
            '[settings.openwebui] engine: there is no engine "easle"; did you mean "easel"?',
        ),
        ('[settings.openwebui]\nedit_engine = "x"', '[settings.openwebui] edit_engine: there is no engine "x"'),
        ('[settings.openwebui]\nsize = "large"', "[settings.openwebui] size"),
        ("[settings.openwebui]\nsteps = -1", "[settings.openwebui] steps"),
        ('[settings.chat]\nbase_url = "localhost:11434"\nmodel = "a"', "[settings.chat] base_url: this is no URL"),
        ('[settings.chat]\nbase_url = "http://localhost/v1"', "[settings.chat] model: is missing"),
        ("[settings.chat]\ntimeout_seconds = 0", "[settings.chat] timeout_seconds"),
        ("[settings.chat]\nhistory_messages = 201", "[settings.chat] history_messages"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(registry: Registry, head: str, settings: str, told: str) -> None:
    with pytest.raises(CatalogError) as raised:
        parse(f"{head}\n{MODEL}\n{settings}\n", registry)
    assert len(raised.value.problems) == 1
    assert told in raised.value.problems[0]
