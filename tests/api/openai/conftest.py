"""A gateway whose models are such as OpenAI's clients ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import create_app
from tests.fakes.web import Web

MODELS = """
[settings.jobs]
sync_timeout_seconds = {seconds}

[settings.limits]
max_body_bytes = 65536

[settings.clients]
aliases = {{ gpt-image-1 = "auto", "gpt-image-1.5" = "maker", dall-e-3 = "quick" }}

[engines.fake]
plugin = "fake"
journal = {journal}

[engines.far]
plugin = "fake-remote"

[devices.cpu]
device = "cpu"

[defaults]
text_to_image = "quick"
image_to_image = "edit"

[[models]]
id = "quick"
engine = "fake"
source = "fake:quick"
max_images = 10
upscaler = "lanczos"
native_sizes = [[128, 128], [160, 96], [96, 160]]
aliases = ["picture"]

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
max_references = 4
natives = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "free"
engine = "fake"
source = "fake:free"
can = ["text_to_image"]

[[models]]
id = "maker"
engine = "fake"
source = "fake:maker"
native_sizes = [[128, 128]]
upscaler = "lanczos"

[models.choices]
quality = ["low", "medium", "high"]
background = ["opaque", "transparent"]
input_fidelity = ["low", "high"]
style = ["vivid"]

[[models]]
id = "liar"
engine = "fake"
source = "fake:liar"
native_sizes = [[128, 128]]
choices = {{ background = ["transparent"] }}
alpha = false

[[models]]
id = "cloud"
engine = "far"
source = "fake:cloud"
native_sizes = [[128, 128]]
encoded = true
replay = "never"

[[models]]
id = "slow"
engine = "fake"
source = "fake:slow"
native_sizes = [[128, 128]]
step_seconds = 0.02

[[models]]
id = "short"
engine = "fake"
source = "fake:short"
native_sizes = [[128, 128]]
delivers = 1

[[models]]
id = "stuck"
engine = "fake"
source = "fake:stuck"
native_sizes = [[128, 128]]
hang = true

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
native_sizes = [[128, 128]]
error = "ModelUnusable"

[[models]]
id = "down"
engine = "far"
source = "fake:down"
native_sizes = [[128, 128]]
error = "EngineUnavailable"
replay = "never"

[[models]]
id = "prude"
engine = "fake"
source = "fake:prude"
native_sizes = [[128, 128]]
error = "ContentRejected"

[[models]]
id = "gone"
engine = "fake"
source = "fake:gone"
retired = "quick"
retired_on = 2026-05-12
"""


@pytest.fixture
def seconds() -> int:
    """How long an answer is waited for before it is 504."""
    return 60


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def make_app(wiring: Wiring, journal: Path, web: Web, seconds: int) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS.format(journal=json.dumps(str(journal)), seconds=seconds))
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)
