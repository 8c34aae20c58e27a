"""Processor time that the gateway adds to a job, around an engine that does nothing.

A job is a POST, its claim, its end (a 512 x 512 picture of new bytes is stored, with thumbnails) and a GET. Beside it,
in the same run, a bare ASGI application under the same server echoes the same POST and GET.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import psutil

from benches import null_engine
from benches.figures import Figure
from benches.house import House, cpu_seconds, gateway

JOBS = 200
ECHOES = 3000
"""Many, for one takes a tenth of a millisecond, and the kernel counts in hundredths of a second."""
WARM_UP = 20
ASK_EVERY = 0.2
BODY = {"prompt": "a red circle on a blue background", "seed": 7}
SCRIPTS = Path(__file__).resolve().parent.parent
ECHO = """
import socket, uvicorn

async def echo(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body or b"{}"})

sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(echo, lifespan="off", log_level="warning")).run([sock])
"""


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        places = [null_engine.install(Path(folder) / "plugin"), SCRIPTS]
        with gateway(null_engine.MODELS, path=places) as house:
            _jobs(house, WARM_UP)
            job = _jobs(house, JOBS)
    echo = _echo()
    return [
        # The first measure under uvloop was 166; half of a job goes into reading the picture and its thumbnails.
        Figure("times_echo", job / echo, "", "<= 200", 1.0, "a POST and a GET at a bare ASGI application"),
        Figure("added", 1000 * (job - echo), "ms", None, 1000 * echo, "the same"),
        Figure("cpu_per_job", 1000 * job, "ms", note=f"{JOBS} jobs, a picture of {null_engine.SIDE} pixels square each"),
    ]


def _jobs(house: House, count: int) -> float:
    """CPU seconds of the gateway for one of `count` jobs."""
    began = cpu_seconds(house.process)
    house.finished([house.submit(BODY) for _ in range(count)], ASK_EVERY)
    return (cpu_seconds(house.process) - began) / count


def _echo() -> float:
    """CPU seconds of the bare application for one POST and one GET."""
    with subprocess.Popen([sys.executable, "-P", "-c", ECHO], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            server = psutil.Process(process.pid)
            with httpx.Client(base_url=f"http://127.0.0.1:{int(process.stdout.readline())}", trust_env=False) as client:
                for count in (WARM_UP, ECHOES):
                    began = cpu_seconds(server)
                    for _ in range(count):
                        client.post("/v1/images/generations", json=BODY)
                        client.get("/v1/tasks/one")
                return (cpu_seconds(server) - began) / ECHOES
        finally:
            process.terminate()
