"""One gateway from its start to its end, around uvicorn: the socket, the signals, `server.json`, what is printed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import click
import msgspec
import uvicorn

from gateway import __version__
from gateway.cli import server_file
from gateway.cli.connections import room_for
from gateway.cli.errors import CommandFailed
from gateway.cli.gateway import answers
from gateway.wiring import Wiring

SECONDS_TO_FINISH = 5
"""What answers that are under way get when the gateway ends; jobs are durable and need none."""
BACKLOG = 2048
LOOK_EVERY = 0.02
FIRST_KEY_LINE = "administrator's key, shown this once:"
FIRST_SIGN_IN_LINE = "token for the administrator's first password (POST /v1/first-start), good once:"


class Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn raises them again at its end, before ours has been reached."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(wiring: Wiring, *, stop_with_stdin: bool = False) -> None:
    """Serve until a signal comes. Raises CommandFailed, DarkroomError or ModuleNotFoundError when it cannot start."""
    began = time.monotonic()
    with listening(wiring) as sock:
        address = msgspec.structs.replace(wiring, port=sock.getsockname()[1])
        try:
            with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
                runner.run(_serve(address, sock, began, stop_with_stdin=stop_with_stdin))
        except asyncio.CancelledError:
            return
        except BaseExceptionGroup as group:
            raise _only(group) from None


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where the platform has it: a picture over HTTP takes a quarter of the time."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


def _only(error: BaseException) -> BaseException:
    """What a group of one holds: the fault, without the tasks that it came through."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


@contextlib.contextmanager
def listening(wiring: Wiring) -> Iterator[socket.socket]:
    """The socket first: a port that is taken is told before anything else begins, and port 0 becomes a number."""
    try:
        found = socket.getaddrinfo(wiring.host, wiring.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CommandFailed(f"{wiring.host} is no address here: {error.strerror}. Give another with --host.") from None
    family, _, _, _, address = found[0]
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        if os.name == "posix":
            # A restart must not wait for the last connections of the one before.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address)
            sock.listen(BACKLOG)
        except OSError as error:
            raise CommandFailed(_why_not_bound(wiring, error)) from None
        sock.setblocking(False)
        yield sock


def _why_not_bound(wiring: Wiring, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        mine = server_file.read(wiring.server_file)
        if mine and server_file.is_alive(mine):
            return f"A gateway already runs on {wiring.data} (process {mine.pid}, {mine.url}); use that one, or stop it."
        return f"Port {wiring.port} of {wiring.host} is in use by another program; give another with --port (0 takes any)."
    if error.errno == errno.EACCES:
        return f"Port {wiring.port} is not allowed to this user; give one above 1023 with --port."
    return f"Cannot listen on {wiring.host} port {wiring.port}: {error.strerror}. Give another address with --host."


async def _serve(wiring: Wiring, sock: socket.socket, began: float, *, stop_with_stdin: bool) -> None:
    stopping = _Stopping()
    with stopping.on_signals():
        if stop_with_stdin:
            stopping.with_stdin()
        from gateway.app import create_app

        app = create_app(wiring)
        await asyncio.sleep(0)  # a signal that came until now ends it here, before anything is open
        # Its life is ours to run, not uvicorn's: what goes wrong at the start is then an error here, not a line in a log.
        async with app.lifespan():
            config = uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who is believed stands in models.toml: see `gateway.api.forwarded`
                limit_concurrency=room_for(app.state.max_connections) + 1,  # it counts the one that it refuses
                timeout_graceful_shutdown=SECONDS_TO_FINISH,
                backlog=BACKLOG,
            )
            server = Server(config)
            announcing = asyncio.create_task(_announce(server, wiring, app, began))
            stopping.steps = [lambda: _end(server, app, announcing), lambda: _hurry(server), *stopping.steps]
            # It ends by itself only when it failed: without it nobody would find the gateway.
            announcing.add_done_callback(lambda _: _end(server, app, announcing))
            try:
                await server.serve(sockets=[sock])
            finally:
                announcing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await announcing


class _Stopping:
    """What each further wish to stop does: the first ends in order, the next ones press."""

    def __init__(self) -> None:
        main = asyncio.current_task()
        assert main is not None
        self._loop = asyncio.get_running_loop()
        self.steps: list[Callable[[], object]] = [main.cancel]
        """Before there is a server, a signal ends the start."""

    def __call__(self) -> None:
        step = self.steps[0]
        if len(self.steps) > 1:
            del self.steps[0]
        step()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """INT, TERM and HUP, where the platform has them. In a thread, as tests run it, there are none."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # What is ignored (by nohup, by a shell's &) stays so.
        heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._caught) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _caught(self, _number: int, _frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self)

    def with_stdin(self) -> None:
        """Stop when standard input ends: whoever started us is then gone, however it ended."""

        def wait() -> None:
            with contextlib.suppress(OSError):
                while os.read(0, 4096):
                    pass
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self)

        threading.Thread(target=wait, name="stdin", daemon=True).start()


def _end(server: uvicorn.Server, app: Any, announcing: asyncio.Task[None]) -> None:
    server.should_exit = True
    announcing.cancel()
    # Streams would hold the end up for as long as their clients like.
    streams = getattr(app.state, "streams", None)
    if streams is not None:
        streams.end()


def _hurry(server: uvicorn.Server) -> None:
    server.force_exit = True


async def _announce(server: uvicorn.Server, wiring: Wiring, app: Any, began: float) -> None:
    """Once it really answers: say so, to people and in `server.json`, until it is canceled."""
    here = msgspec.structs.replace(wiring, public_url=None).url
    while not (server.started and await asyncio.to_thread(answers, here)):  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(LOOK_EVERY)
    with server_file.published(wiring.server_file, here, app.state.command_key):
        _greet(wiring, here, app.state, time.monotonic() - began)
        # Two hundred thousand objects that stay: each look through all of them would hold the event loop for 0.1 s or more.
        gc.freeze()
        await asyncio.Event().wait()


def _greet(wiring: Wiring, here: str, state: Any, seconds: float) -> None:
    click.secho(f"Darkroom {__version__}", bold=True)
    click.echo(f"  address  {here}")
    if wiring.url != here:
        click.echo(f"  public   {wiring.url}")
    click.echo(f"  data     {wiring.data}")
    click.echo(f"  models   {wiring.models_path}")
    for line, name in ((FIRST_KEY_LINE, "first_key"), (FIRST_SIGN_IN_LINE, "first_token")):
        if shown := getattr(state, name, None):
            click.secho(f"  {line} {shown}", fg="yellow")
    click.secho(f"ready after {seconds:.1f} s; Ctrl-C ends it", fg="green")
    sys.stdout.flush()
