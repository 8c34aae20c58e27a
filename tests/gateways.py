"""Gateways as processes of their own, as an operator starts them: for tests by clients that others wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from msgspec import Struct

ROOT = Path(__file__).parents[1]
SECONDS_TO_START, SECONDS_TO_END = 60, 30


class Running(Struct, frozen=True):
    """How a gateway is reached."""

    url: str
    """Without a slash at its end."""
    key: str
    """An administrator's."""
    data: Path
    """Its data folder; `models.toml` in it is read again when it changes."""

    def client(self, key: str | None = None) -> httpx.Client:
        """For asking it by hand; close it, or use it in a `with`."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key or self.key}"}, timeout=60)

    def new_team(self, name: str, *permissions: str, bulk: bool = False) -> str:
        """A key of a new member of a new team; without permissions named: makes pictures, reads and writes the gallery."""
        carried = permissions or ("features.image_generation", "gallery.read", "gallery.write")
        with self.client() as admin:
            team = admin.post("/admin/teams", json={"name": name}).raise_for_status().json()["id"]
            user = admin.post("/admin/users", json={"name": name}).raise_for_status().json()["id"]
            member = {"user_id": user, "role": "member"}
            admin.post(f"/admin/teams/{team}/members", json=member).raise_for_status()
            wanted = {"team_id": team, "user_id": user, "name": name, "permissions": carried, "bulk": bulk}
            return str(admin.post("/admin/keys", json=wanted).raise_for_status().json()["key"])


@contextmanager
def running(data: Path, models: str | None = None, **environ: str) -> Iterator[Running]:
    """A gateway on this data folder, for as long as the block lasts; `models` is its models.toml, None: the packaged one.

    `environ` goes to its process, without any DARKROOM_ of this one's.
    """
    data.mkdir(parents=True, exist_ok=True)
    if models is not None:
        (data / "models.toml").write_text(models)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    given = {**clean, "PYTHONPATH": str(ROOT), "DARKROOM_DATA": str(data), "DARKROOM_PORT": "0", **environ}
    serving = subprocess.Popen([sys.executable, "-m", "gateway.cli", "serve"], env=given, stdout=subprocess.DEVNULL)
    try:
        told = data / "server.json"
        until = time.monotonic() + SECONDS_TO_START
        while not told.exists():
            assert time.monotonic() < until, "the gateway did not start"
            assert serving.poll() is None, "the gateway ended as it started"
            time.sleep(0.05)
        reach = json.loads(told.read_text())
        yield Running(reach["url"].rstrip("/"), reach["key"], data)
    finally:
        serving.terminate()
        try:
            status = serving.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            serving.kill()
            serving.wait()
            raise
    assert status == 0
