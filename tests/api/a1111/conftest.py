"""A gateway whose models are such as front ends of A1111 ask for."""

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

[engines.fake]
plugin = "fake"
journal = {journal}

[engines.away]
plugin = "fake-remote"
journal = {journal}

[engines.torn]
plugin = "torn"

[devices.cpu]
device = "cpu"

[tariffs]
a1111 = 3

[defaults]
text_to_image = "quick"
image_to_image = "edit"
inpaint = "edit"

[[models]]
id = "quick"
title = "Quick one"
engine = "fake"
source = "fake:quick"
max_images = 10
upscaler = "lanczos"
native_sizes = [[128, 128], [160, 96]]
aliases = ["v1-5-pruned-emaonly"]

[[models]]
id = "free"
engine = "fake"
source = "fake:free"

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
natives = [[96, 96]]

[[models]]
id = "bare"
engine = "away"
source = "fake:bare"
bare = true

[[models]]
id = "slow"
engine = "fake"
source = "fake:slow"
step_seconds = 0.05

[[models]]
id = "stuck"
engine = "fake"
source = "fake:stuck"
hang = true

[[models]]
id = "far-stuck"
engine = "away"
source = "fake:far-stuck"
hang = true

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
error = "ModelUnusable"

[[models]]
id = "prude"
engine = "fake"
source = "fake:prude"
error = "ContentRejected"

[[models]]
id = "grow"
title = "Growing"
engine = "fake"
source = "fake:grow"
can = ["upscale"]

[[models]]
id = "tall"
engine = "fake"
source = "fake:tall"
can = ["upscale"]
hang = true

[[models]]
id = "down"
engine = "torn"
source = "fake:down"

[[models]]
id = "gone"
engine = "fake"
source = "fake:gone"
retired = "quick"
"""


@pytest.fixture
def seconds() -> int:
    """How long a call waits before its answer is 504."""
    return 60


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def make_app(wiring: Wiring, journal: Path, web: Web, seconds: int) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS.format(journal=json.dumps(str(journal)), seconds=seconds))
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)
