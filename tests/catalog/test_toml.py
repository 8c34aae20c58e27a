"""Edits of a document leave its comments and its order where they are."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalog import packaged_models_file, toml
from gateway.errors import WrongState

TEXT = """\
# mine
[[models]]
id = "a" # the first
title = "A"
defaults = { steps = 20, guidance_scale = 4.0 } # quick

# about b
[[models]]
id = "b"
# within b
title = "B"

# behind all models

[settings.urls]
# how long
#lifetime_days = 7

[settings.jobs]
max_attempts = 5 # many
"""


def merged(patch: dict[str, Any], text: str = TEXT) -> str:
    document = tomlkit.parse(text)
    expected = toml.merged(tomllib.loads(text), patch)
    return tomlkit.dumps(toml.changed(document, lambda each: toml.merge(each, patch), expected))


@pytest.mark.parametrize(
    ("patch", "before", "after"),
    [
        ({"settings": {"jobs": {"max_attempts": 7}}}, "max_attempts = 5 # many", "max_attempts = 7 # many"),
        ({"settings": {"jobs": {"max_attempts": None}}}, "max_attempts = 5 # many\n", ""),
        ({"settings": {"urls": {"lifetime_days": 9}}}, "#lifetime_days = 7\n", "#lifetime_days = 7\nlifetime_days = 9\n"),
        ({"settings": {"jobs": {"wait": 1.5}}}, "5 # many\n", "5 # many\nwait = 1.5\n"),
        ({"settings": {"urls": {"gone": None}}}, "", ""),
        ({"settings": {"urls": {"new": [1, {"a": "é"}]}}}, "[settings.urls]\n", '[settings.urls]\nnew = [1, {a = "é"}]\n'),
    ],
)
def test_only_what_was_said_changes(patch: dict[str, Any], before: str, after: str) -> None:
    assert merged(patch) == TEXT.replace(before, after, 1)


def test_a_table_is_merged_and_a_value_takes_a_tables_place() -> None:
    assert toml.merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": {"f": None, "g": 1}}, "d": {"h": 4}}) == {
        "a": {"c": 2, "e": {"g": 1}},
        "d": {"h": 4},
    }


def test_one_more_table_stands_behind_the_last_one() -> None:
    document = tomlkit.parse(TEXT)
    toml.append_table(document, "models", {"id": "c", "defaults": {"steps": 4}})
    added = '\n[[models]]\nid = "c"\ndefaults = {steps = 4}\n'
    assert tomlkit.dumps(document) == TEXT.replace('title = "B"\n', f'title = "B"\n{added}')


@pytest.mark.parametrize("text", ["", "# nothing\n", "models = []\n", "[settings.jobs]\nmax_attempts = 5\n"])
def test_the_first_table(text: str) -> None:
    document = tomlkit.parse(text)
    toml.append_table(document, "models", {"id": "c"})
    assert tomllib.loads(tomlkit.dumps(document))["models"] == [{"id": "c"}]
    assert "# nothing" in tomlkit.dumps(document) or "# nothing" not in text


@pytest.mark.parametrize(
    ("index", "gone"),
    [
        (0, '[[models]]\nid = "a" # the first\ntitle = "A"\ndefaults = { steps = 20, guidance_scale = 4.0 } # quick\n'),
        (1, '[[models]]\nid = "b"\n# within b\ntitle = "B"\n'),
    ],
)
def test_a_table_goes_and_what_follows_it_stays(index: int, gone: str) -> None:
    assert tomlkit.dumps(toml.remove_table(tomlkit.parse(TEXT), "models", index)) == TEXT.replace(gone, "")


def test_tables_within_a_table_go_along() -> None:
    text = '[[models]]\nid = "a"\n[models.defaults]\nsteps = 4\n# behind\n[[models]]\nid = "b"\n'
    left = tomlkit.dumps(toml.remove_table(tomlkit.parse(text), "models", 0))
    assert left == '# behind\n[[models]]\nid = "b"\n'


def test_what_would_be_read_otherwise_is_not_done() -> None:
    with pytest.raises(WrongState, match="by hand"):
        toml.changed(tomlkit.parse(TEXT), lambda each: toml.merge(each, {"settings": {"x": {"y": 1}}}), tomllib.loads(TEXT))


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab é.\"'#=\n", max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["urls", "jobs", "new"]), st.dictionaries(st.text("ab_", min_size=1, max_size=3), VALUES))
)
def test_whatever_json_says_is_read_back(patch: dict[str, Any]) -> None:
    assert tomllib.loads(merged({"settings": patch})) == toml.merged(tomllib.loads(TEXT), {"settings": patch})


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.text("ab é.\"'#=", min_size=1, max_size=4), VALUES, max_size=4))
def test_whatever_a_model_says_is_read_back(entry: dict[str, Any]) -> None:
    document = tomlkit.parse(TEXT)
    toml.append_table(document, "models", entry)
    document = toml.remove_table(document, "models", 1)
    assert tomllib.loads(tomlkit.dumps(document))["models"] == [tomllib.loads(TEXT)["models"][0], entry]


def test_the_packaged_file_keeps_every_comment(tmp_path: Path) -> None:
    text = packaged_models_file().read_text("utf-8")
    document = tomlkit.parse(text)
    toml.append_table(document, "models", {"id": "new"})
    assert tomlkit.dumps(document).replace('\n[[models]]\nid = "new"\n', "", 1) == text
    left = tomlkit.dumps(toml.remove_table(document, "models", 0))
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in left.splitlines() if line.startswith("#")] == comments
