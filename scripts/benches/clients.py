"""Clients that others wrote and that are too heavy for the tests: what works unchanged against a gateway of the bench's own.

LiteLLM, some 260 MB, goes into a virtual environment of its own the first time (`.venv/clients`), never into Darkroom's.
A call that needs a workaround counts as failed: it is asked as LiteLLM's own documentation says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benches.figures import Figure
from benches.house import gateway

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv" / "clients"
LITELLM = ("litellm==1.106.2", "mcp==2.3.0")
"""Pinned, so that two runs measure the same; its Responses API wants the second."""
CALLS = ROOT / "scripts" / "clients" / "litellm_calls.py"
SECONDS = 600


def run() -> list[Figure]:
    python = installed(*LITELLM)
    with gateway((ROOT / "models.toml").read_text()) as house:
        key = house.client.headers["Authorization"].removeprefix("Bearer ")
        told = _asked(python, f"{house.client.base_url}".rstrip("/"), key)
    for call in told:
        print(f"{call['name']:<24} {'ok' if call['ok'] else 'FAILED: ' + call['why']}", file=sys.stderr)
    failed = [call["name"] for call in told if not call["ok"]]
    return [
        Figure("failures", len(failed), "", "<= 0", note=", ".join(failed) or LITELLM[0]),
        Figure("calls", len(told), "", ">= 10"),
        *(Figure(call["name"], call["seconds"], "s") for call in told),
    ]


def installed(*requirements: str) -> Path:
    """The Python of an environment that has just these; made where it is not there, or has others."""
    wanted = " ".join(requirements)
    python, stamp = FOLDER / "bin" / "python", FOLDER / "installed.txt"
    if not (stamp.exists() and stamp.read_text() == wanted and python.exists()):
        print(f"bench: installing {wanted} into {FOLDER} (a minute, once)", file=sys.stderr)
        stamp.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-Im", "venv", "--clear", str(FOLDER)], check=True)
        subprocess.run([str(python), "-Im", "pip", "install", "--quiet", "--no-input", *requirements], check=True)
        stamp.write_text(wanted)
    return python


def _asked(python: Path, url: str, key: str) -> list[dict[str, object]]:
    """What came of each call."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DARKROOM_", "PYTHON"))}
    # Else it fetches a list of prices from the web as it is imported.
    given = {**clean, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1", "DARKROOM": url, "KEY": key}
    command = [str(python), "-I", str(CALLS)]
    done = subprocess.run(command, env=given, stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True)
    told: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return told
