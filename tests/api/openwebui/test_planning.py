"""What an update of the configuration changes, and what it refuses: a pure matter."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engines.a1111.engine import A1111Engine
from engines.comfyui.engine import ComfyUIEngine
from engines.gemini.engine import GeminiEngine
from engines.openai.engine import OpenAIEngine
from gateway.api.openwebui.config_wire import MASK, ConfigUpdate, ImagesConfig
from gateway.api.openwebui.configuration import config
from gateway.api.openwebui.planning import Known, Plan, planned
from gateway.catalog import parse
from gateway.errors import InvalidInput
from gateway.registry import Registry
from tests.fakes.fake_engine import FakeEngine

REGISTRY = Registry(
    {"openai": OpenAIEngine, "gemini": GeminiEngine, "comfyui": ComfyUIEngine, "a1111": A1111Engine, "fake": FakeEngine}
)
TEXT = """
[settings.openwebui]
engine = "cloud"
model = "big"
size = "512x512"
steps = 30
edit_engine = "second"

[engines.local]
plugin = "fake"

[engines.cloud]
plugin = "openai"
api_key = "CLOUD_KEY"

[engines.second]
plugin = "openai"
base_url = "http://second:8000/v1"
api_key = "OPERATORS"

[engines.google]
plugin = "gemini"
api_key = "GOOGLE_KEY"

[engines.box]
plugin = "comfyui"
servers = ["http://box:8188", "http://other:8188"]

[[models]]
id = "big"
engine = "cloud"
source = "gpt-image-2"
aliases = ["large"]

[[models]]
id = "small"
engine = "local"
source = "fake:small"

[[models]]
id = "old"
engine = "local"
source = "fake:old"
retired = "small"
"""
SECRETS = {"CLOUD_KEY", "OPERATORS", "GOOGLE_KEY"}
CATALOG = parse(TEXT, REGISTRY)


class Secrets:
    def has(self, name: str) -> bool:
        return name in SECRETS

    def is_the_operators(self, name: str) -> bool:
        return name == "OPERATORS"


def shown() -> ImagesConfig:
    return config(CATALOG, Secrets())  # type: ignore[arg-type]  # it asks for no more


def plan(**fields: Any) -> Plan:
    known = Known(Secrets().has, Secrets().is_the_operators)
    return planned(shown(), msgspec.convert(fields, ConfigUpdate), CATALOG, known, "ab12")


def test_it_is_shown_in_open_webuis_words_with_masks() -> None:
    told = msgspec.to_builtins(shown())
    assert list(told) == list(FIELDS)
    assert {name: value for name, value in told.items() if value not in ("", {}, [], False)} == {
        "ENABLE_IMAGE_GENERATION": True,
        "IMAGE_GENERATION_ENGINE": "openai",
        "IMAGE_GENERATION_MODEL": "big",
        "IMAGE_SIZE": "512x512",
        "IMAGE_STEPS": 30,
        "IMAGES_OPENAI_API_BASE_URL": "https://api.openai.com/v1",
        "IMAGES_OPENAI_API_KEY": MASK,
        "COMFYUI_BASE_URL": "http://box:8188",
        "IMAGES_GEMINI_API_BASE_URL": "https://generativelanguage.googleapis.com/v1beta",
        "IMAGES_GEMINI_API_KEY": MASK,
        "ENABLE_IMAGE_EDIT": True,
        "IMAGE_EDIT_ENGINE": "second",
        "IMAGES_EDIT_OPENAI_API_BASE_URL": "http://second:8000/v1",
        "IMAGES_EDIT_OPENAI_API_KEY": MASK,
        "IMAGES_EDIT_GEMINI_API_BASE_URL": "https://generativelanguage.googleapis.com/v1beta",
        "IMAGES_EDIT_GEMINI_API_KEY": MASK,
        "IMAGES_EDIT_COMFYUI_BASE_URL": "http://box:8188",
    }


def test_what_is_shown_sent_back_changes_nothing() -> None:
    assert not plan(**msgspec.to_builtins(shown()))
    assert not plan()
    assert not plan(COMFYUI_BASE_URL=" http://box:8188/ ", IMAGE_STEPS=30)


FIELDS: dict[str, Plan | str] = {
    "ENABLE_IMAGE_GENERATION": plan(ENABLE_IMAGE_GENERATION=False),
    "ENABLE_IMAGE_PROMPT_GENERATION": "Prompts are not rewritten here",
    "IMAGE_GENERATION_ENGINE": plan(IMAGE_GENERATION_ENGINE="second", IMAGE_GENERATION_MODEL=""),
    "IMAGE_GENERATION_MODEL": plan(IMAGE_GENERATION_MODEL="large"),
    "IMAGE_SIZE": plan(IMAGE_SIZE="64x64"),
    "IMAGE_STEPS": plan(IMAGE_STEPS=5),
    "IMAGES_OPENAI_API_BASE_URL": plan(IMAGES_OPENAI_API_BASE_URL="http://new:1/v1/", IMAGES_OPENAI_API_KEY="k"),
    "IMAGES_OPENAI_API_KEY": plan(IMAGES_OPENAI_API_KEY="k"),
    "IMAGES_OPENAI_API_VERSION": "api-version",
    "IMAGES_OPENAI_API_PARAMS": "extra_body",
    "AUTOMATIC1111_BASE_URL": 'no engine with plugin = "a1111"',
    "AUTOMATIC1111_API_AUTH": 'no engine with plugin = "a1111"',
    "AUTOMATIC1111_PARAMS": "body of its",
    "COMFYUI_BASE_URL": plan(COMFYUI_BASE_URL="http://new:8188/"),
    "COMFYUI_API_KEY": plan(COMFYUI_API_KEY="k"),
    "COMFYUI_WORKFLOW": "darkroom workflows import",
    "COMFYUI_WORKFLOW_NODES": "darkroom workflows import",
    "IMAGES_GEMINI_API_BASE_URL": plan(IMAGES_GEMINI_API_BASE_URL="http://new:2/v1", IMAGES_GEMINI_API_KEY="k"),
    "IMAGES_GEMINI_API_KEY": plan(IMAGES_GEMINI_API_KEY="k"),
    "IMAGES_GEMINI_ENDPOINT_METHOD": "method of its",
    "ENABLE_IMAGE_EDIT": plan(ENABLE_IMAGE_EDIT=False),
    "IMAGE_EDIT_ENGINE": plan(IMAGE_EDIT_ENGINE="comfyui"),
    "IMAGE_EDIT_MODEL": plan(IMAGE_EDIT_MODEL="small", IMAGE_EDIT_ENGINE=""),
    "IMAGE_EDIT_SIZE": plan(IMAGE_EDIT_SIZE="auto"),
    "IMAGES_EDIT_OPENAI_API_BASE_URL": "in the gateway's environment",
    "IMAGES_EDIT_OPENAI_API_KEY": "in the gateway's environment",
    "IMAGES_EDIT_OPENAI_API_VERSION": "api-version",
    "IMAGES_EDIT_GEMINI_API_BASE_URL": plan(IMAGES_EDIT_GEMINI_API_BASE_URL="http://new:2", IMAGES_EDIT_GEMINI_API_KEY="k"),
    "IMAGES_EDIT_GEMINI_API_KEY": plan(IMAGES_EDIT_GEMINI_API_KEY="k"),
    "IMAGES_EDIT_COMFYUI_BASE_URL": plan(IMAGES_EDIT_COMFYUI_BASE_URL="http://new:8188"),
    "IMAGES_EDIT_COMFYUI_API_KEY": plan(IMAGES_EDIT_COMFYUI_API_KEY="k"),
    "IMAGES_EDIT_COMFYUI_WORKFLOW": "darkroom workflows import",
    "IMAGES_EDIT_COMFYUI_WORKFLOW_NODES": "darkroom workflows import",
}
"""Every field of Open WebUI's configuration, in its order: honored, so that something changes, or refused with these words."""
DONE: dict[str, dict[str, Any]] = {
    "IMAGE_GENERATION_ENGINE": {"settings": {"engine": "second", "model": None}},
    "IMAGE_STEPS": {"settings": {"steps": 5}},
    "ENABLE_IMAGE_EDIT": {"settings": {"edit": False}},
    "IMAGE_EDIT_ENGINE": {"settings": {"edit_engine": "box"}},
    "IMAGES_OPENAI_API_BASE_URL": {
        "engines": {"cloud": {"base_url": "http://new:1/v1", "api_key": "CLOUD_API_KEY_AB12"}},
        "secrets": {"CLOUD_API_KEY_AB12": "k"},
        "replaced": {"CLOUD_KEY"},
    },
    "COMFYUI_BASE_URL": {"engines": {"box": {"servers": ["http://new:8188", "http://other:8188"]}}},
    "COMFYUI_API_KEY": {"engines": {"box": {"key": "BOX_KEY_AB12"}}, "secrets": {"BOX_KEY_AB12": "k"}},
    "IMAGES_GEMINI_API_BASE_URL": {
        "engines": {"google": {"base_url": "http://new:2", "api_version": "v1", "api_key": "GOOGLE_API_KEY_AB12"}},
        "secrets": {"GOOGLE_API_KEY_AB12": "k"},
        "replaced": {"GOOGLE_KEY"},
    },
    "IMAGES_EDIT_GEMINI_API_BASE_URL": {
        "engines": {"google": {"base_url": "http://new:2", "api_key": "GOOGLE_API_KEY_AB12"}},
        "secrets": {"GOOGLE_API_KEY_AB12": "k"},
        "replaced": {"GOOGLE_KEY"},
    },
}
SAMPLES: dict[str, Any] = {
    "ENABLE_IMAGE_PROMPT_GENERATION": True,
    "COMFYUI_WORKFLOW_NODES": [{"type": "prompt"}],
    "IMAGES_EDIT_COMFYUI_WORKFLOW_NODES": [{"type": "prompt"}],
    "IMAGES_OPENAI_API_PARAMS": {"style": "vivid"},
    "AUTOMATIC1111_PARAMS": '{"cfg_scale": 3}',
}


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_honored_or_refused_by_name(field: str) -> None:
    outcome = FIELDS[field]
    if isinstance(outcome, str):
        with pytest.raises(InvalidInput, match=outcome) as refusal:
            plan(**{field: SAMPLES.get(field, "something")})
        assert refusal.value.field == field
        return
    assert outcome
    if field in DONE:
        assert outcome == Plan(**{"replaced": frozenset(), **DONE[field]})


def test_all_that_open_webui_has_is_here() -> None:
    assert [each.encode_name for each in msgspec.structs.fields(ConfigUpdate)] == list(FIELDS)
    assert [each.encode_name for each in msgspec.structs.fields(ImagesConfig)] == list(FIELDS)


@pytest.mark.parametrize(
    ("fields", "named", "words"),
    [
        ({"IMAGE_GENERATION_ENGINE": "automatic1111"}, "IMAGE_GENERATION_ENGINE", 'plugin = "a1111"'),
        ({"IMAGE_GENERATION_ENGINE": "nothing"}, "IMAGE_GENERATION_ENGINE", "there are local, cloud"),
        ({"IMAGE_GENERATION_ENGINE": "local"}, "IMAGE_GENERATION_MODEL", 'runs on the engine "cloud", not on "local"'),
        ({"IMAGE_GENERATION_MODEL": "small"}, "IMAGE_GENERATION_MODEL", 'not on "cloud"'),
        ({"IMAGE_GENERATION_MODEL": "bigg"}, "IMAGE_GENERATION_MODEL", 'did you mean "big"'),
        ({"IMAGE_GENERATION_MODEL": "old", "IMAGE_GENERATION_ENGINE": ""}, "IMAGE_GENERATION_MODEL", 'choose "small"'),
        ({"IMAGES_OPENAI_API_BASE_URL": "http://evil/v1"}, "IMAGES_OPENAI_API_KEY", "send it again"),
        (
            {"IMAGES_OPENAI_API_BASE_URL": "http://evil/v1", "IMAGES_OPENAI_API_KEY": MASK},
            "IMAGES_OPENAI_API_KEY",
            "send it again",
        ),
        ({"IMAGES_OPENAI_API_BASE_URL": ""}, "IMAGES_OPENAI_API_BASE_URL", "has an address"),
        ({"IMAGES_OPENAI_API_KEY": "two\nlines"}, "IMAGES_OPENAI_API_KEY", "characters"),
        ({"COMFYUI_API_KEY": MASK}, "COMFYUI_API_KEY", "mask"),
        (
            {"IMAGES_GEMINI_API_KEY": "one", "IMAGES_EDIT_GEMINI_API_KEY": "two"},
            "IMAGES_EDIT_GEMINI_API_KEY",
            "one engine here",
        ),
    ],
)
def test_what_cannot_be(fields: dict[str, Any], named: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        plan(**fields)
    assert refusal.value.field == named


def test_a_key_is_kept_as_it_is_and_an_address_without_its_last_slash() -> None:
    done = plan(IMAGES_OPENAI_API_BASE_URL=" http://here/v1/ ", IMAGES_OPENAI_API_KEY="sk+a/b/")
    assert done.engines["cloud"]["base_url"] == "http://here/v1"
    assert list(done.secrets.values()) == ["sk+a/b/"]


def test_no_key_any_more() -> None:
    done = plan(IMAGES_OPENAI_API_BASE_URL="http://here/v1", IMAGES_OPENAI_API_KEY="")
    assert done.engines == {"cloud": {"base_url": "http://here/v1", "api_key": None}}
    assert (done.secrets, done.replaced) == ({}, frozenset({"CLOUD_KEY"}))


def test_a_table_that_is_called_so_goes_before_a_kind() -> None:
    text = '[engines.first]\nplugin = "comfyui"\n[engines.comfyui]\nplugin = "comfyui"\n'
    catalog = parse(text, REGISTRY)
    known = Known(Secrets().has, Secrets().is_the_operators)
    before = config(catalog, Secrets())  # type: ignore[arg-type]  # it asks for no more
    asked = msgspec.convert({"IMAGE_GENERATION_ENGINE": "comfyui"}, ConfigUpdate)
    assert planned(before, asked, catalog, known, "x").settings == {"engine": "comfyui"}
