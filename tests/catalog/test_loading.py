"""models.toml -> Catalog: what is read, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.contract import Size
from gateway.catalog import Catalog, DeviceEntry, Range, Settings, load, parse, settle_devices
from gateway.catalog.tariffs import Rule
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


def test_an_empty_file_is_all_defaults(registry: Registry) -> None:
    assert parse("", registry) == Catalog()
    assert Catalog().settings == Settings()


def test_a_whole_file_is_read(registry: Registry, head: str) -> None:
    catalog = parse(
        head
        + """
[settings.urls]
lifetime_days = 3
[settings]
marking = { enabled = false }
[devices.gpu]
device = "cuda"
memory_bytes = "24 GiB"
[tariffs]
gallery = 1
large = 2.25
[defaults]
text_to_image = "oil"
[[models]]
id = "oil"
title = "Oil on canvas"
engine = "easel"
source = "oils/one"
capabilities = ["text_to_image", "inpaint"]
defaults = { steps = 20, guidance_scale = 4, sampler = "Euler a", negative_prompt = "mud", strength = 0.5 }
native_sizes = ["128x128", [160, 96]]
samplers = ["Euler a"]
upscaler = "lanczos"
memory_bytes = "1.5 GB"
tariff = "large"
teams = ["painters"]
tags = ["slow"]
aliases = ["old", "Some Org/oil v1.0 [abc]"]
licence = "CC0-1.0"
dtype = "full"
parts = ["a"]
call = { layers = 2 }
[models.limits]
max_images = 2
steps = [5, 50]
max_size = "1024x768"
negative_prompt = false
[[models]]
id = "old"
retired = "oil"
""",
        registry,
    )
    oil = catalog.models["oil"]
    assert catalog.settings.urls.lifetime_days == 3
    assert catalog.settings.marking.enabled is False
    assert catalog.devices == {"gpu": DeviceEntry(name="gpu", device="cuda:0", memory_bytes=24 << 30)}
    assert catalog.tariffs == {"gallery": (Rule(price=10_000, surface="gallery"),), "large": (Rule(price=22_500),)}
    assert catalog.defaults == {"text_to_image": "oil"}
    assert catalog.aliases == {"old": "oil", "Some Org/oil v1.0 [abc]": "oil"}
    assert catalog.engines["easel"].options.url == "http://easel"
    assert catalog.engines["easel"].options_table == {"url": "http://easel"}
    assert oil.title == "Oil on canvas"
    assert oil.native_sizes == (Size(128, 128), Size(160, 96))
    assert oil.limits.steps == Range(5, 50)
    assert oil.limits.max_size == Size(1024, 768)
    assert oil.limits.negative_prompt is False
    assert (oil.defaults.steps, oil.defaults.guidance_scale) == (20, 4.0)
    assert oil.memory_bytes == 1_500_000_000
    assert oil.options.dtype == "full"
    assert oil.options_table == {"dtype": "full", "parts": ["a"], "call": {"layers": 2}}
    assert catalog.models["old"].retired == "oil"


def test_a_short_entry_is_enough(registry: Registry, head: str) -> None:
    oil = parse(head + MODEL, registry).models["oil"]
    assert oil.title == "oil"
    assert oil.capabilities is None
    assert oil.options.dtype == "half"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[setings.urls]\nlifetime_days = 1", 5, ["[setings]", 'did you mean "settings"']),
        ("[settings.ursl]", 5, ["[settings.ursl]", 'did you mean "urls"', "limits"]),
        ("[settings.urls]\nlifetme_days = 1", 6, ["[settings.urls] lifetme_days", 'did you mean "lifetime_days"']),
        ("[settings.limits.usr]\nqueued_jobs = 1", 5, ["[settings.limits] usr", 'did you mean "user"']),
        ("[settings.limits.key]\nqueud_jobs = 1", 6, ["queud_jobs", 'did you mean "queued_jobs"']),
        ("[settings.limits.key]\nrunning_jobs = -1", 6, ["running_jobs", "-1 is not allowed", "from 0 to"]),
        ("[settings.urls]\nlifetime_days = 0", 6, ["lifetime_days", "0 is not allowed", "from 1 to 3650"]),
        ("[settings.urls]\nlifetime_days = true", 6, ["true is not allowed", "a whole number"]),
        ("[settings.limits]\nmax_pixels = 1.5", 6, ["1.5 is not allowed"]),
        ('[settings.marking]\nenabled = "yes"', 6, ["true or false"]),
        ('[settings.imports]\nfolders = ["pictures"]', 6, ["[settings.imports] folders", "full path"]),
        ('[settings.logging]\nformat = "jsno"', 6, ['did you mean "json"', "one of json, text"]),
        ("[engines.x]", 5, ["[engines.x] plugin", "is missing", "painter, broken"]),
        ("[engines.x]\nplugin = 'pianter'", 6, ["pianter", 'did you mean "painter"']),
        ("[engines.x]\nplugin = 'painter'", 5, ["[engines.x] url", "is missing", "text"]),
        ("[engines.x]\nplugin = 'painter'\nurl = 'http://'\nsecond = 1", 8, ["second", 'did you mean "seconds"']),
        ("[engines.x]\nplugin = 'painter'\nurl = 'easel'", 5, ["[engines.x]", "give http://"]),
        ("[engines.x]\nplugin = 'painter'\nurl = 7", 7, ["url", "7 is not allowed", "text"]),
        ('[engines."a b"]\nplugin = "painter"', 5, ["a b", "letters, digits"]),
        ("[engines]\nx = 1", 6, ["[engines.x]", "no table"]),
        ("[devices.g]\ndevice = 'gpu'", 6, ["gpu", "cuda:0"]),
        ("[devices.g]\nmemory_bytes = '3 potatoes'", 6, ["3 potatoes", "24 GiB"]),
        ("[devices.g]\nmemory_bytes = 0", 6, ["24 GiB"]),
        ("[devices.a]\ndevice = 'cuda:0'\n[devices.b]\ndevice = 'cuda'", 8, ["cuda:0", '"a"', "one lane"]),
        ("[tariffs]\nmcp = 0.12345", 6, ["[tariffs] mcp", "four decimals"]),
        ("[tariffs]\nx = -1", 6, ["credits"]),
        ("[tariffs]\nx = true", 6, ["credits"]),
        ("[tariffs]\nx = nan", 6, ["credits"]),
        ("[defaults]\ntext_to_imag = 'oil'", 6, ['did you mean "text_to_image"']),
        ("[defaults]\ntext_to_image = 'oli'", 6, ["oli", "give one of none"]),
    ],
)
def test_a_mistake_is_told_with_its_line_its_key_and_the_cure(
    registry: Registry, head: str, text: str, line: int, says: list[str]
) -> None:
    problems = refused(head + text, registry)
    assert any(problem.startswith(f"line {line}, ") and all(word in problem for word in says) for problem in problems), problems


@pytest.mark.parametrize("section", ["settings", "engines", "devices", "tariffs", "defaults", "models"])
def test_a_section_that_is_none_is_refused(registry: Registry, section: str) -> None:
    assert refused(f"{section} = 3", registry)[0].startswith(f"line 1, [{section}]: ")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines(registry: Registry, head: str) -> None:
    problems = refused(head + MODEL + "titel = 'x'\ntariff = 'y'\n[settings.urls]\nlifetime_days = 0", registry)
    assert [problem.partition(",")[0] for problem in problems] == ["line 10", "line 11", "line 13"]


def test_what_is_not_toml_is_told_with_its_line(registry: Registry) -> None:
    assert "line 2" in refused("a = 1\nb = = 2", registry)[0]


def test_lines_are_found_behind_text_of_many_lines(registry: Registry, head: str) -> None:
    text = (
        head + '[[models]]\nid = "oil"\nengine = "easel"\nsource = "s"\nlicence = """\nsteps = 3\n[engines.x]\n"""\nsteps = 4'
    )
    assert refused(text, registry)[0].startswith("line 13, ")


def test_a_file_that_cannot_be_read_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"none\.toml cannot be read: No such file"):
        load(tmp_path / "none.toml", registry)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(CatalogError, match="not UTF-8"):
        load(tmp_path / "latin.toml", registry)


@pytest.mark.parametrize(
    ("devices", "cuda", "lanes"),
    [
        ({}, 0, {"cpu": "cpu"}),
        ({}, 2, {"cuda:0": "cuda:0"}),
        ({"gpu": "auto"}, 1, {"gpu": "cuda:0"}),
        ({"gpu": "auto"}, 0, {"gpu": "cpu"}),
        ({"gpu": "auto", "processor": "cpu"}, 0, {"processor": "cpu"}),
        ({"gpu": "auto", "processor": "cpu"}, 1, {"gpu": "cuda:0", "processor": "cpu"}),
        ({"second": "cuda:1"}, 1, {"second": "cuda:1"}),
    ],
)
def test_auto_is_the_first_gpu_or_the_processor(devices: dict[str, str], cuda: int, lanes: dict[str, str]) -> None:
    entries = {name: DeviceEntry(name=name, device=device, memory_bytes=5) for name, device in devices.items()}
    settled = settle_devices(entries, cuda)
    assert {name: entry.device for name, entry in settled.items()} == lanes
    assert all(entry.memory_bytes == (5 if devices else None) for entry in settled.values())


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("*", "*"),
        ("https://chat.example.org", "https://chat.example.org"),
        ("HTTPS://Chat.Example.ORG/", "https://chat.example.org"),
        ("https://chat.example.org:443", "https://chat.example.org"),
        ("http://192.0.2.7:3000", "http://192.0.2.7:3000"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ("http://localhost", "http://localhost"),
        ("app://obsidian.md", "app://obsidian.md"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(written: str, origin: str, registry: Registry) -> None:
    settings = parse(f'[settings.http]\ncors_origins = ["{written}"]', registry).settings
    assert settings.http.cors_origins == (origin,)


@pytest.mark.parametrize(
    "written",
    [
        "chat.example.org",
        "https://chat.example.org/app",
        "https://*.example.org",
        "https://a.example,https://b.example",
        "https://user@example.org",
        "https://bücher.example",
        "https://a.example:70000",
        "https://a.example:0",
        "file:///home",
        "null",
        "",
    ],
)
def test_what_no_browser_sends_is_no_origin(written: str, registry: Registry) -> None:
    [told] = refused(f'[settings.http]\ncors_origins = ["{written}"]', registry)
    assert "[settings.http] cors_origins" in told
    assert f'"{written}" is not allowed; give the origin of pages as browsers send it' in told


def test_every_origin_is_none_beside_others(registry: Registry) -> None:
    [told] = refused('[settings.http]\ncors_origins = ["*", "https://a.example"]', registry)
    assert "[settings.http]" in told
    assert 'cors_origins has "*", which lets in every origin; take it out, or the others' in told
