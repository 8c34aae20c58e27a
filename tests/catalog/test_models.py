"""`[[models]]`: what each mistake in one is told, and what must hold between them."""

from __future__ import annotations

import pytest

from gateway.catalog import parse
from gateway.errors import CatalogError
from gateway.registry import Registry

MODEL = """
[[models]]
id = "oil"
engine = "easel"
source = "oils/one"
"""


def refused(text: str, registry: Registry) -> list[str]:
    with pytest.raises(CatalogError) as raised:
        parse(text, registry)
    return raised.value.problems


@pytest.mark.parametrize(
    ("keys", "line", "says"),
    [
        ("id = 'oil'\nsource = 's'", 5, ['[[models]] "oil" engine', "is missing", "easel"]),
        ("id = 'oil'\nengine = 'esel'\nsource = 's'", 7, ["esel", 'did you mean "easel"']),
        ("engine = 'easel'\nsource = 's'", 5, ["[[models]] number 1 id", "is missing"]),
        ("id = 'a/b'\nengine = 'easel'\nsource = 's'", 6, ["a/b", "letters, digits"]),
        ("id = 'auto'\nengine = 'easel'\nsource = 's'", 6, ["auto", "another id"]),
        ("id = 'oil'\nengine = 'easel'", 5, ["source", "is missing"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nstpes = 3", 9, ["stpes", "no such key"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\ndtyp = 'half'", 9, ["dtyp", 'did you mean "dtype"']),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\ndtype = 'hlaf'", 9, ['did you mean "half"', "one of full, half"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\ncall = { a = 'b' }", 9, ["call", "Expected `int`"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nparts = 'a'", 9, ["a list, each item text"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\ncapabilities = ['inpant']", 9, ['"inpant"', 'did you mean "inpaint"']),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\ncapabilities = 'inpaint'", 9, ["a list"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nupscaler = 'lancos'", 9, ["lancos", '"lanczos"']),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nnative_sizes = ['128x128', '12y']", 9, ["12y", '"1024x768" or']),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nnative_sizes = [[128, 128, 3]]", 9, ['"1024x768" or']),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nnative_sizes = '128x128'", 9, ["a list"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nlimits = { max_imges = 1 }", 9, ["limits.max_imges", '"max_images"']),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nlimits = { max_images = 0 }", 9, ["limits.max_images", "from 1"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\nlimits.steps = [9, 1]", 9, ["limits.steps", "the least and the most"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\n[models.limits]\nsteps = 9", 10, ["limits.steps", "[1, 50]"]),
        (
            "id = 'oil'\nengine = 'easel'\nsource = 's'\nlimits = { min_size = '9x9', max_size = '8x8' }",
            9,
            ["min_size", "larger than max_size"],
        ),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\n[models.defaults]\nsteps = '20'", 10, ["defaults.steps", '"20"']),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\ndefaults.strength = 2", 9, ["defaults.strength", "from 0 to 1"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\ntariff = 'x'", 9, ["tariff", "[tariffs] has none"]),
        ("id = 'oil'\nengine = 'easel'\nsource = 's'\naliases = ['auto']", 9, ["auto", "another name"]),
        ("id = 'oil'\nretired = 'oyl'", 7, ["retired", "oyl"]),
        ("id = 'oil'\nretired = 'oil'", 7, ["retired too"]),
        ("id = 'oil'\nretired = ''", 7, ["not empty"]),
        ("id = 'oil'\nretired = 'oil'\ndtyp = 1", 8, ["dtyp", "no such key"]),
    ],
)
def test_a_mistake_in_a_model_is_told_too(registry: Registry, head: str, keys: str, line: int, says: list[str]) -> None:
    problems = refused(head + "[[models]]\n" + keys, registry)
    assert any(problem.startswith(f"line {line}, ") and all(word in problem for word in says) for problem in problems), problems


def test_ids_and_aliases_are_used_once(registry: Registry, head: str) -> None:
    other = MODEL.replace("oil", "ink", 1)
    assert "used once" in refused(head + MODEL + MODEL, registry)[0]
    assert 'belongs to the model "oil"' in refused(head + MODEL + other + 'aliases = ["oil"]', registry)[0]
    assert 'belongs to the model "oil"' in refused(head + MODEL + 'aliases = ["x"]' + other + 'aliases = ["x"]', registry)[0]
    assert 'belongs to the model "oil"' in refused(head + MODEL + 'aliases = ["oil"]', registry)[0]


def test_a_default_must_be_there_and_be_able(registry: Registry, head: str) -> None:
    text = head + MODEL + 'capabilities = ["inpaint"]\n[defaults]\ntext_to_image = "oil"'
    assert "does inpaint only" in refused(text, registry)[0]
    assert 'did you mean "oil"' in refused(head + MODEL + '[defaults]\ntext_to_image = "oli"', registry)[0]
    retired = '[[models]]\nid = "ink"\nretired = "oil"\n'
    assert 'retired; give "oil"' in refused(head + MODEL + retired + '[defaults]\ninpaint = "ink"', registry)[0]


def test_a_mistake_makes_no_second_one_elsewhere(registry: Registry, head: str) -> None:
    text = head + MODEL + 'titel = "x"\nsteps = 1\n[defaults]\ntext_to_image = "oil"\n[[models]]\nid = "ink"\nretired = "oil"'
    assert len(refused(text, registry)) == 2
    assert len(refused("[engines.easel]\nplugin = 'pianter'" + MODEL, registry)) == 1


def test_an_engine_that_does_not_import_is_its_own_problem(registry: Registry) -> None:
    text = "[engines.easel]\nplugin = 'broken'\nanything = 1" + MODEL + "whatever = 2"
    catalog = parse(text, registry)
    assert "no brushes" in (catalog.engines["easel"].problem or "")
    assert catalog.engines["easel"].options is None
    assert catalog.models["oil"].options is None
    assert catalog.models["oil"].options_table == {"whatever": 2}


def test_a_revision_follows_the_entry_and_its_engine(registry: Registry, head: str) -> None:
    def revision(text: str) -> str:
        return parse(text, registry).models["oil"].revision

    first = revision(head + MODEL)
    assert len(first) == 16
    assert revision("# a comment\n" + head + MODEL.replace('source = "oils/one"\n', "") + 'source = "oils/one"\n') == first
    assert revision(head + MODEL + 'dtype = "full"') != first
    assert revision(head + MODEL + 'title = "x"') != first
    assert revision(head + "seconds = 5" + MODEL) != first
    assert revision(head + "[engines.other]\nplugin = 'painter'\nurl = 'http://b'" + MODEL) == first
