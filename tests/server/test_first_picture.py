"""What a stranger types first: the bundled model draws what the prompt says, alone and beside a running gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.gateways import ROOT, Running

PROMPT = "a red circle on a blue background"
RED, BLUE = (222, 40, 40), (46, 84, 222)
NEAR = 60
"""Of 255, in each channel: no other color of the model is as near to either."""
pytestmark = [pytest.mark.server, pytest.mark.slow]


def generate(file: Path, data: Path) -> bytes:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    environ = {**clean, "PYTHONPATH": str(ROOT), "DARKROOM_DATA": str(data), "DARKROOM_PORT": "0"}
    command = [sys.executable, "-m", "gateway.cli", "generate", PROMPT, "--seed", "7", "-o", str(file)]
    done = subprocess.run(command, env=environ, cwd=file.parent, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return file.read_bytes()


def test_the_first_picture_shows_what_the_prompt_says(tmp_path: Path, bundled: Running) -> None:
    alone = generate(tmp_path / "alone.png", tmp_path / "data")
    pixels = np.asarray(Image.open(tmp_path / "alone.png").convert("RGB")).astype(int)
    height, width = pixels.shape[:2]
    assert (abs(pixels[height // 2, width // 2] - RED) < NEAR).all()
    for corner in (pixels[4, 4], pixels[4, -5], pixels[-5, 4], pixels[-5, -5]):
        assert (abs(corner - BLUE) < NEAR).all()

    assert generate(tmp_path / "beside.png", bundled.data) == alone
