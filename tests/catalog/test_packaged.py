"""The models.toml that ships: it runs the bundled model, and all that it offers by comment is right."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from msgspec import Struct

from engines.a1111.engine import A1111Engine
from engines.comfyui.engine import ComfyUIEngine
from engines.contract import Engine, EngineUnavailable, Size
from engines.diffusers.engine import DiffusersEngine
from engines.gemini.engine import GeminiEngine
from engines.lanczos import LanczosEngine
from engines.openai.engine import OpenAIEngine
from gateway import cards
from gateway.catalog import Catalog, ModelEntry, Settings, ensure_models_file, load, packaged, packaged_models_file, parse
from gateway.errors import ConfigurationError
from gateway.registry import Registry
from gateway.wallet.tariffs import WRITTEN

TEXT = packaged_models_file().read_text("utf-8")
UNCOMMENTED = re.sub(r"^#(?=\S)", "", TEXT, flags=re.MULTILINE)
ENGINES = "".join(re.findall(r"^#(\[engines\.\S+\]\n(?:#.*\n)+)", TEXT, flags=re.MULTILINE))
"""Those that are offered by comment."""
REGISTRY = Registry(
    {
        "a1111": A1111Engine,
        "comfyui": ComfyUIEngine,
        "diffusers": DiffusersEngine,
        "lanczos": LanczosEngine,
        "openai": OpenAIEngine,
        "gemini": GeminiEngine,
    }
)
WHOLE = parse(UNCOMMENTED, REGISTRY)


@pytest.fixture
def engine() -> Engine:
    """As an operator who has downloaded nothing has it."""
    return DiffusersEngine("diffusers", DiffusersEngine.Options())


def test_as_it_ships_it_runs_the_bundled_model() -> None:
    catalog = load(packaged_models_file(), REGISTRY)
    assert list(catalog.models) == ["shapes", "lanczos"]
    shapes = catalog.models["shapes"]
    assert (shapes.source, shapes.engine, shapes.upscaler) == ("bundled:shapes", "diffusers", "lanczos")
    assert shapes.native_sizes == (Size(128, 128), Size(160, 96), Size(96, 160))
    assert (shapes.defaults.steps, shapes.defaults.guidance_scale, shapes.defaults.sampler) == (20, 2.0, "DPM++ 2M")
    assert catalog.engines["diffusers"].plugin == "diffusers"
    assert catalog.devices == {}
    assert catalog == Catalog(engines=catalog.engines, models=catalog.models)


def without_comment(text: str) -> str:
    return re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)


def blocks() -> list[str]:
    """Each model that is offered by comment, as it stands once its lines are taken out of the comment."""
    found = re.findall(r"^#\[\[models\]\]\n(?:#\S.*\n)+", TEXT, flags=re.MULTILINE)
    return [re.sub(r"^#", "", block, flags=re.MULTILINE) for block in found]


def test_there_are_entries_to_choose_from() -> None:
    assert len(blocks()) >= 20
    assert len(WHOLE.models) == len(blocks()) + 2


@pytest.mark.parametrize("block", blocks(), ids=lambda block: tomllib.loads(block)["models"][0]["id"])
async def test_each_entry_that_is_offered_is_right_and_fits_its_engines_card(block: str, engine: Engine) -> None:
    catalog = parse(f"{TEXT}\n{without_comment(ENGINES)}\n{block}", REGISTRY)
    entry = list(catalog.models.values())[-1]
    assert entry.title != entry.id
    assert entry.licence
    if entry.engine != "diffusers":
        engine = REGISTRY.build(catalog.engines[entry.engine], lambda name: "a-secret")
    try:
        card = cards.merge(await engine.card(REGISTRY.spec(entry, engine)), entry)
    except EngineUnavailable:
        return  # it asks its server what it can do, and there is none here
    finally:
        await engine.aclose()
    assert card.capabilities
    assert cards.geometry(None, None, card, entry.upscaler).scaled is False
    assert cards.geometry(1920, 1080, card, entry.upscaler).final == Size(1920, 1080)


async def test_the_bundled_model_makes_every_common_size(engine: Engine) -> None:
    entry = WHOLE.models["shapes"]
    card = cards.merge(await engine.card(REGISTRY.spec(entry, engine)), entry)
    assert set(card.capabilities) >= {"text_to_image", "image_to_image", "inpaint"}
    for width, height in [
        (128, 128),
        (256, 256),
        (512, 512),
        (1024, 1024),
        (1920, 1080),
        (768, 1344),
        (640, 480),
        (4096, 4096),
    ]:
        assert cards.geometry(width, height, card, entry.upscaler).make in entry.native_sizes


def leaves(table: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= {(key, *rest): leaf for rest, leaf in leaves(value).items()}
        else:
            found[key,] = tuple(value) if isinstance(value, list) else value
    return found


def test_every_setting_is_shown_with_its_default() -> None:
    assert leaves(tomllib.loads(UNCOMMENTED)["settings"]) == leaves(msgspec.to_builtins(Settings(), builtin_types=(Decimal,)))


def test_the_default_prices_are_shown() -> None:
    shown = tomllib.loads(UNCOMMENTED)["tariffs"]
    assert shown.pop("shapes") == {"otherwise": 0.5}
    assert shown == WRITTEN


def test_every_key_of_a_model_is_explained() -> None:
    prose = TEXT[: TEXT.index("[[models]]\nid")]
    for field in msgspec.structs.fields(ModelEntry):
        if field.name not in {"options", "options_table", "revision"}:
            assert re.search(rf"^#   {field.name} +\S", prose, flags=re.MULTILINE), field.name
    for shape in (get_type_hints(ModelEntry)[name] for name in ("defaults", "limits", "megapixels")):
        assert issubclass(shape, Struct)
        for field in msgspec.structs.fields(shape):
            assert field.name in prose, field.name


def test_lines_that_are_switched_off_are_told_from_prose() -> None:
    for line in TEXT.splitlines():
        if line.startswith("#") and line[1:].strip():
            is_entry = re.match(r"#(\[|[a-z0-9_\".-]+ = )", line) is not None
            assert is_entry != line.startswith("# "), line


def test_the_first_start_copies_it_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "models.toml"
    assert ensure_models_file(path)
    assert path.read_text("utf-8") == TEXT
    path.write_text("# mine")
    assert not ensure_models_file(path)
    assert path.read_text() == "# mine"


def test_a_wheel_has_it_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "gateway" / "models.toml"
    monkeypatch.setattr(packaged, "_PLACES", (inside, tmp_path / "models.toml"))
    with pytest.raises(ConfigurationError, match="not installed whole"):
        packaged_models_file()
    inside.parent.mkdir()
    inside.write_text("")
    assert packaged_models_file() == inside


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"models\.toml cannot be made"):
        ensure_models_file(tmp_path / "file" / "models.toml")
