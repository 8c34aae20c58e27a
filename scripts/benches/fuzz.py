"""Whether /v0, /v1 and /admin do what /schema/openapi.json says, asked by Schemathesis: any budget by FUZZ_SECONDS.

Looked for are answers 5xx, and statuses, content types and bodies that the document does not describe. Most ids in
requests are of things that are there, made beforehand; none of them is the asker's own, so that no request can close its
key, its team or the default model. Left out are the two event streams, which never end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import tomlkit

from benches import null_engine
from benches.figures import Figure
from benches.house import gateway

SECONDS = 120
"""Some 30 go into the boundaries of every field, the rest into what chance brings."""
SEED = 20260
STREAMS = ("/v1/events", "/v1/tasks/{task_id}/events")
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
MANY = 8
"""Of each kind: some are deleted on the way."""
KNOWN = 0.6
"""How likely an id is one of them."""
SIGNED = ("content", "thumbnail")
ENVIRONMENT = {"NO_PROXY": "127.0.0.1", "SCHEMATHESIS_HOOKS": "likelier.py"}
HOOKS = """
import zlib
import schemathesis

RED = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAA" \
    "HUlEQVR4AWP4z8BAEiJNNdDoUQ3EhO9oKA2OUAIAkPn/AcuGPPwAAAAASUVORK5CYII="
PLAIN = {
    **{f"POST /api/{version}images/generations": {"prompt": "a red circle"} for version in ("", "v1/")},
    **{f"POST /api/{version}images/edit": {"prompt": "a red circle", "image": RED} for version in ("", "v1/")},
    **{f"POST /api/{version}images/config/update": {"IMAGE_STEPS": 5} for version in ("", "v1/")},
    "POST /sdapi/v1/txt2img": {"prompt": "a red circle"},
    "POST /sdapi/v1/img2img": {"prompt": "a red circle", "init_images": [RED]},
    "POST /sdapi/v1/extra-single-image": {"image": RED},
    "POST /sdapi/v1/extra-batch-images": {"imageList": [{"data": RED, "name": "red"}]},
    "POST /sdapi/v1/png-info": {"image": RED},
    "POST /sdapi/v1/options": {"samples_format": "png"},
    "POST /openai/v1/images/generations": {"prompt": "a red circle"},
    "POST /v0/images/generations": {"prompt": "a red circle"},
    "POST /openai/v1/chat/completions": {"messages": [{"role": "user", "content": "a red circle"}]},
    "POST /openai/v1/responses": {"input": "a red circle"},
    "PATCH /v1/me": {"name": "Ann"},
    "PATCH /admin/settings": {"marking": {"enabled": True}},
    "PATCH /admin/models/{model_id}": {"title": "A model"},
}

# No request switches off, or chooses away, what others are to reach.
ON = {"ENABLE_IMAGE_GENERATION": True, "ENABLE_IMAGE_EDIT": True}

@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict) and case.operation.label.endswith("/images/config/update"):
        kept = {name: each for name, each in case.body.items() if not name.endswith(("_ENGINE", "_MODEL"))}
        case.body = kept | {name: each for name, each in ON.items() if isinstance(kept.get(name), bool)}

@schemathesis.hook
def map_body(context, body):
    # Where a schema leaves much open, nearly all that chance brings is refused at once; so half of it is made likelier.
    plain = PLAIN.get(context.operation.label)
    if plain is None or not isinstance(body, dict) or zlib.crc32(repr(body).encode()) % 2:
        return body
    return {name: each for name, each in body.items() if zlib.crc32(f"{name}{body}".encode()) % 4 == 0} | plain
"""
RECEIVER = "http://127.0.0.1:9/"
"""Of webhooks: nobody listens there."""
PASSWORD = "long enough for anyone"
PERMISSIONS = ["features.image_generation", "gallery.read", "gallery.write"]
SETTINGS = """
[settings.webhooks]
allow = ["127.0.0.1/32"]
"""


MODELS = f"""{null_engine.MODELS}upscaler = "lanczos"
{SETTINGS}"""


@dataclass(frozen=True)
class Outcome:
    operations: int
    reached: int
    """Of them, how many did what they are for at least once."""
    cases: int
    failures: tuple[str, ...]
    """What is wrong with answers, and of which operations."""
    told: str
    """All of it, for people, with a curl line for each failure."""
    seconds: float


def run() -> list[Figure]:
    seconds = int(os.environ.get("FUZZ_SECONDS", SECONDS))
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        places = [null_engine.install(Path(folder) / "plugin"), Path(__file__).resolve().parent.parent]
        with gateway(MODELS, path=places) as house:
            key = house.client.headers["Authorization"]
            outcome = fuzz(str(house.client.base_url), key, Path(folder), "--phases=coverage,fuzzing", f"--max-time={seconds}")
    if outcome.failures:
        print(outcome.told, file=sys.stderr)
    return [
        Figure("failures", len(outcome.failures), "", "<= 0", note="what they are stands above"),
        # The rest asks for what chance does not bring: a session's cookie, the token of the first start, a job that failed.
        Figure("reached", outcome.reached / outcome.operations, "", note="operations that succeeded at least once"),
        Figure("operations", outcome.operations, ""),
        Figure("cases", outcome.cases, ""),
        Figure("seconds", outcome.seconds, "s", note=f"the budget: FUZZ_SECONDS={seconds}"),
    ]


def fuzz(url: str, authorization: str, folder: Path, *options: str) -> Outcome:
    """Ask the gateway at `url` with an administrator's key, as `options` of `schemathesis run` say.

    `folder` is for what Schemathesis keeps. Raises RuntimeError where it could not do its work, or the gateway not any
    more.
    """
    with httpx.Client(base_url=url, headers={"Authorization": authorization}, timeout=60, trust_env=False) as client:
        (folder / "schemathesis.toml").write_text(Furniture(client).configuration())
        (folder / "likelier.py").write_text(HOOKS)
        began = time.monotonic()
        outcome = _run(url, authorization, folder, began, options)
        for path in ("/v1/me", "/admin/settings", "/health/ready"):
            if (answer := client.get(path)).status_code != 200:
                raise RuntimeError(f"afterwards GET {path} gives {answer.status_code}: {answer.text}")
    return outcome


def _run(url: str, authorization: str, folder: Path, began: float, options: Sequence[str]) -> Outcome:
    report = folder / "report.json"
    command = [
        sys.executable, "-P", "-m", "schemathesis.cli", "--config-file=schemathesis.toml", "run", f"{url}/schema/openapi.json",
        f"--header=Authorization: {authorization}", *(f"--exclude-path={path}" for path in STREAMS),
        f"--checks={','.join(CHECKS)}", "--continue-on-failure", f"--seed={SEED}", "--request-timeout=30", "--no-color",
        "--report=json", f"--report-json-path={report}", *options,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    if not report.exists():
        raise RuntimeError(told)
    found = json.loads(report.read_text())
    if found["errors"]:
        raise RuntimeError(told)
    rates = found["valid_rates"].values()
    reached = sum(any(phase["accepted"] for phase in phases.values()) for phases in rates)
    return Outcome(
        operations=found["operations"]["tested"],
        reached=reached,
        cases=found["test_cases"]["generated"],
        failures=tuple(json.dumps(each) for each in found["failures"]),
        told=told,
        seconds=time.monotonic() - began,
    )


class Furniture:
    """Things of every kind at a gateway, made for requests to ask for; `names` tells which parameter takes which ids."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.names: dict[str, list[str]] = {}
        self._people()
        self._things()
        self._pictures()

    def _people(self) -> None:
        teams = [self._made("/admin/teams", name=f"team {number}")["id"] for number in range(MANY)]
        emails = [f"{number}@example.org" for number in range(MANY)]
        users = [self._made("/admin/users", name="one", email=email, password=PASSWORD)["id"] for email in emails]
        for user in users:
            self._made("/v1/team/members", user_id=user)
            for team in teams:
                self._made(f"/admin/teams/{team}/members", user_id=user)
        keys = [self._made("/v1/team/keys", name="k", user_id=user, permissions=PERMISSIONS)["id"] for user in users]
        self._tell(teams, "path.team_id", "query.team_id", "body.team_id")
        self._tell(users, "path.user_id", "query.user_id", "body.user_id")
        self._tell(keys, "path.key_id")
        self._tell(emails, "body.email", "query.email")
        self._tell([PASSWORD], "body.password")

    def _things(self) -> None:
        first = self._client.get("/admin/models").json()["data"][0]
        entry = {"engine": first["engine"], "source": first["source"]}
        models = [self._made("/admin/models", id=f"made-{number}", **entry)["id"] for number in range(MANY)]
        webhooks = [self._made("/v1/webhooks", url=RECEIVER)["id"] for _ in range(MANY)]
        presets = [self._made("/v0/presets", name="a", promptTemplate="a {{thing}}")["data"]["id"] for _ in range(MANY)]
        self._tell(models, "path.model_id")
        self._tell(["auto", first["id"]], "body.model", "query.model", "body.modelVersion")
        self._tell(webhooks, "path.webhook_id", "query.webhook_id")
        self._tell([RECEIVER], "body.url", "body.webhook.url")
        self._tell(["10", "0.5"], "body.amount", "body.monthly_credits")
        self._tell(presets, "path.preset_id", "body.presetId", "query.presetId")

    def _pictures(self) -> None:
        tasks = [self._made("/v1/images/generations", prompt="a red circle", seed=number)["task_id"] for number in range(MANY)]
        for task in tasks:
            while self._client.get(f"/v1/tasks/{task}").json()["status"] in ("queued", "running"):
                time.sleep(0.05)
        pictures = self._client.get("/v1/images").json()["data"]
        deliveries = self._client.get("/v1/webhooks/deliveries").json()["data"]
        places = ("body.image.artifact_id", "body.mask.artifact_id", "body.extra_images[*].artifact_id")
        self._tell(tasks, "path.task_id", "path.job_id", "query.task_id")
        self._tell([each["id"] for each in pictures], "path.image_id", *places)
        self._tell([each["id"] for each in deliveries], "path.delivery_id")
        responses = [self._said(number) for number in range(MANY)]
        self._tell(responses, "path.response_id", "body.previous_response_id")
        sessions = [self._made(f"/v1/images/{each['id']}/open-in-chat")["id"] for each in pictures[:MANY]]
        self._tell(sessions, "path.session_id")
        self._signed = [(name, pictures[-1]["id"], pictures[-1][f"{name}_url".removeprefix("content_")]) for name in SIGNED]

    def _said(self, seed: int) -> str:
        """A response's id."""
        tool = {"type": "image_generation", "seed": seed}
        answer = self._client.post("/openai/v1/responses", json={"input": "a red circle", "tools": [tool]})
        return str(answer.raise_for_status().json()["id"])

    def _made(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._client.post(path, json=body)
        if answer.status_code not in (201, 202):
            raise RuntimeError(f"POST {path} {body} gives {answer.status_code}: {answer.text}")
        return dict(answer.json())

    def _tell(self, ids: list[str], *names: str) -> None:
        self.names.update(dict.fromkeys(names, ids))

    def configuration(self) -> str:
        """For schemathesis.toml."""
        bound = {name: {"dictionary": name.replace(".", "_"), "probability": KNOWN} for name in self.names}
        lists = {name.replace(".", "_"): {"values": ids} for name, ids in self.names.items()}
        # Otherwise ids are also taken from answers, and the asker's own are among them.
        phase = {"extra-data-sources": {"responses": False}}
        told = {
            "dictionaries": lists,
            "parameters": bound,
            "phases": {"coverage": phase, "fuzzing": phase},
            "generation": {"database": "none"},
            "operations": [self._signed_address(*each) for each in self._signed],
        }
        return tomlkit.dumps(told)

    @staticmethod
    def _signed_address(what: str, image_id: str, url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        given = {"path.image_id": image_id, "path.name": parts.path.rpartition("/")[2]}
        given |= {f"query.{name}": value for name, value in parse_qsl(parts.query)}
        return {"include-path": f"/v1/images/{{image_id}}/{what}/{{name}}", "parameters": given}
