"""A gateway of the command's own: started for one picture where none runs, and stopped behind it."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.cli import server_file
from gateway.cli.errors import ALREADY_RUNNING, CommandFailed
from gateway.cli.server_file import ServerFile
from gateway.wiring import Wiring

SECONDS_TO_START = 90.0
"""A start takes two or three; a cold disk and a database to migrate take longer."""
SECONDS_FOR_ANOTHER = 30.0
"""How long another gateway on the same data may neither say where it is nor go."""
SECONDS_TO_STOP = 20.0
LOG_LINES_SHOWN = 15
LOOK_EVERY = 0.05
FIRST_KEY = re.compile(r"shown this once: *(\S+)")


class Private:
    """A child process that serves on a free port of the loopback address."""

    def __init__(self, wiring: Wiring, log: Path) -> None:
        self.wiring = wiring
        self.log = log
        self.process = self._launch()

    def wait(self) -> ServerFile:
        """Until it answers, or until another gateway does that was quicker. Raises CommandFailed with what it said last."""
        began = time.monotonic()
        while time.monotonic() < began + SECONDS_TO_START:
            # The file is written once its gateway answers, so there is nothing more to ask.
            server = server_file.read(self.wiring.server_file)
            status = self.process.poll()
            if server and server_file.is_alive(server) and (server.pid == self.process.pid or status == ALREADY_RUNNING):
                return server
            if status == ALREADY_RUNNING and time.monotonic() < began + SECONDS_FOR_ANOTHER:
                # It starts and is not ready, or it ends and the folder will be free.
                self.stop()
                time.sleep(LOOK_EVERY * 5)
                self.process = self._launch()
            elif status is not None:
                raise CommandFailed(f"The gateway that was started for this ended at once:\n\n{self.last_words()}")
            time.sleep(LOOK_EVERY)
        raise CommandFailed(f"The gateway did not start within {SECONDS_TO_START:.0f} s:\n\n{self.last_words()}")

    def first_key(self) -> str | None:
        """The administrator's key, if this was the first start: it is shown only once, and that was into our file."""
        found = FIRST_KEY.search(self.log.read_text(errors="replace"))
        return found[1] if found else None

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]) or "(it said nothing)"

    def stop(self) -> None:
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "gateway.cli", "serve", "--stop-with-stdin", "--data", str(self.wiring.data)]
        command += ["--host", "127.0.0.1", "--port", "0"]
        if self.wiring.port:
            # The addresses that it hands out shall open when a gateway runs in its usual place.
            command += ["--public-url", self.wiring.url]
        with self.log.open("wb") as output:
            # A session of its own: Ctrl-C is for us alone, who then cancel the job and stop it in order.
            return subprocess.Popen(  # noqa: S603  (our own command line)
                command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )


@contextlib.contextmanager
def started(wiring: Wiring) -> Iterator[Private]:
    """Start one; it ends with the block, and also when this process is killed: its standard input is then closed."""
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        own = Private(wiring, Path(folder) / "log")
        try:
            yield own
        finally:
            own.stop()
