"""What a thumbnail costs over HTTP, beside a bare ASGI application and the framework's own `File` under the same server.

The bare one is asked for the same address and sends the same headers and bytes, with no look at what was asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from benches import null_engine
from benches.figures import Figure
from benches.house import cpu_seconds, gateway

REQUESTS = 200
ROUNDS = 40
WARM_UP = 100
SCRIPTS = Path(__file__).resolve().parent.parent
BARE = """
import json, socket, sys, uvicorn
from pathlib import Path

data = Path(sys.argv[1]).read_bytes()
whole, unchanged = [
    [(name.encode(), value.encode()) for name, value in headers] for headers in json.loads(sys.argv[3])
]
etag = dict(whole)[b"etag"]

async def app(scope, receive, send):
    if dict(scope["headers"]).get(b"if-none-match") == etag:
        await send({"type": "http.response.start", "status": 304, "headers": unchanged})
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": whole})
        await send({"type": "http.response.body", "body": data})

if sys.argv[2] == "file":
    from litestar import Litestar, get
    from litestar.response import File

    @get("/")
    async def picture() -> File:
        return File(Path(sys.argv[1]), media_type="image/webp")

    app = Litestar([picture], openapi_config=None)

sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning")).run([sock])
"""


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        places = [null_engine.install(Path(folder) / "plugin"), SCRIPTS]
        with gateway(null_engine.MODELS, path=places) as house:
            house.finished([house.submit({"prompt": "a red circle"})], 0.05)
            shown = house.client.get("/v1/images").raise_for_status().json()["data"][0]["thumbnail_url"]
            path = "?".join(urlsplit(shown)[2:4])
            house.settle()
            with _anonymous(house.client) as us:
                answer = us.get(path).raise_for_status()
                same = {"if-none-match": answer.headers["etag"]}
                sent = [_headers(each) for each in (answer, us.get(path, headers=same))]
                file = Path(folder) / "thumbnail.webp"
                file.write_bytes(answer.content)
                with _served(file, "bare", sent) as bare, _served(file, "file", sent) as framework:
                    ours, beside = (house.process, us, path), (*bare, path)
                    got, theirs, slow = _in_turn([ours, beside, (*framework, "/")], {})
                    fresh, bare_fresh = _in_turn([ours, beside], same)
    size = f"{len(answer.content)} bytes"
    return [
        Figure("thumbnail_us", 1e6 * got, "us CPU", None, 1e6 * theirs, f"a bare ASGI application that sends the same {size}"),
        Figure("thumbnail_times_bare", got / theirs, "", "<= 1.5", 1.0, "the same"),
        Figure("thumbnail_times_less_than_file", slow / got, "", ">= 5", 1.0, "the framework's File"),
        Figure("not_modified_us", 1e6 * fresh, "us CPU", None, 1e6 * bare_fresh, "a bare 304"),
        Figure("not_modified_times_bare", fresh / bare_fresh, "", "<= 1.5", 1.0, "the same"),
    ]


Served = tuple[psutil.Process, httpx.Client, str]


def _headers(answer: httpx.Response) -> list[tuple[str, str]]:
    """What the application sent; the server adds the date."""
    return [(name, value) for name, value in answer.headers.items() if name != "date"]


def _in_turn(all_: Sequence[Served], headers: dict[str, str]) -> list[float]:
    """CPU seconds of each server for one request in its best round: they take turns, and other work only ever adds."""
    asks = [_asker(served, headers) for served in all_]
    for ask in asks:
        ask(WARM_UP)
    rounds = [[ask(REQUESTS) for ask in asks] for _ in range(ROUNDS)]
    return [min(column) for column in zip(*rounds, strict=True)]


def _asker(served: Served, headers: dict[str, str]) -> Callable[[int], float]:
    process, client, path = served

    def ask(times: int) -> float:
        began = cpu_seconds(process)
        for _ in range(times):
            client.get(path, headers=headers)
        return (cpu_seconds(process) - began) / times

    return ask


@contextmanager
def _anonymous(client: httpx.Client) -> Iterator[httpx.Client]:
    """A client without a key, as a browser that opens a signed address."""
    with httpx.Client(base_url=client.base_url, trust_env=False) as fresh:
        yield fresh


@contextmanager
def _served(file: Path, how: str, sent: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[psutil.Process, httpx.Client]]:
    command = [sys.executable, "-P", "-c", BARE, str(file), how, json.dumps(sent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            with httpx.Client(base_url=f"http://127.0.0.1:{int(process.stdout.readline())}", trust_env=False) as client:
                yield psutil.Process(process.pid), client
        finally:
            process.terminate()
