"""How a command ends when it cannot do what was asked: a message that says what to do, and a status."""

from __future__ import annotations

from typing import NoReturn

import click

FAILED = 1
ALREADY_RUNNING = 3
"""`serve` only: another gateway holds the data folder. Whoever started it can use that one instead."""
CANCELED = 130
"""128 + SIGINT, as shells count."""


class CommandFailed(click.ClickException):
    """Ends the command with status 1 and this message."""

    exit_code = FAILED


class Refused(CommandFailed):
    """The gateway answered, and said no."""

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        """As HTTP has it."""
        self.retry_after = retry_after
        """Seconds, where the gateway says when to come again."""


class OtherGatewayRuns(CommandFailed):
    """Ends `serve` with a status of its own."""

    exit_code = ALREADY_RUNNING


class GatewayGone(CommandFailed):
    """The gateway was there and no longer answers."""


def stop(status: int) -> NoReturn:
    raise click.exceptions.Exit(status)
