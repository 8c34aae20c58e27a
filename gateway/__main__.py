"""The `darkroom` command, and `python -m gateway`."""

from __future__ import annotations

import sys


def main() -> None:
    """A Ctrl-C that comes while the code is still being read ends it without a traceback, as it does later."""
    try:
        from gateway.cli import main as command
    except KeyboardInterrupt:
        sys.exit(130)
    command(prog_name="darkroom")


if __name__ == "__main__":
    main()
