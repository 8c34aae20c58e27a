"""`darkroom serve`: one gateway, in this process, until it is told to stop."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.errors import CommandFailed, OtherGatewayRuns


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen: 127.0.0.1 (this machine only) unless you say 0.0.0.0 (all).")
@click.option("--port", metavar="PORT", help="7878 unless you say another; 0 takes any free one.")
@click.option("--data", metavar="DIR", help="The data folder: database, pictures, keys, models.toml.")
@click.option("--models", metavar="FILE", help="models.toml, if it is not the one in the data folder.")
@click.option("--database-url", metavar="URL", help="sqlite:///… or postgresql://…, if not darkroom.db in the data folder.")
@click.option(
    "--blobs", metavar="URL",
    help="Where pictures are kept, if not the folder blobs in the data folder: another folder, or s3://bucket/prefix, whose "
    "keys are in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION (and AWS_ENDPOINT_URL).",
)  # fmt: skip
@click.option("--public-url", metavar="URL", help="How clients reach it, if not by host and port: behind a proxy, say.")
@click.option("--log", metavar="LEVEL", help="debug, info, warning or error.")
@click.option("--stop-with-stdin", is_flag=True, hidden=True, help="Stop when standard input is closed.")
def serve(stop_with_stdin: bool, **flags: Any) -> None:
    """Run the gateway.

    Every flag is also a variable of the environment, as DARKROOM_PORT is --port; DARKROOM_ADMIN_KEY presets the
    administrator's key. All else is set in models.toml, whose path is printed; a change of it is taken up at once.

    \b
    Examples:
      darkroom serve
      darkroom serve --host 0.0.0.0 --port 8080 --data /srv/darkroom
      darkroom serve --public-url https://pictures.example.org
    """
    from gateway.cli import logs, serving
    from gateway.errors import AlreadyRunning, CatalogError, ConfigurationError, DarkroomError
    from gateway.wiring import Wiring

    try:
        wiring = Wiring.from_environment(**flags)
        logs.configure(wiring.log, logs.wanted_format(wiring.models_path))
        serving.run(wiring, stop_with_stdin=stop_with_stdin)
    except CatalogError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandFailed(f"{wiring.models_path} is not right:\n{problems}") from None
    except AlreadyRunning as error:
        raise OtherGatewayRuns(error.message) from None
    except ConfigurationError as error:
        raise CommandFailed(error.message.replace("; DARKROOM_", "\nDARKROOM_")) from None
    except DarkroomError as error:
        raise CommandFailed(error.message) from None
    except ModuleNotFoundError as error:
        raise CommandFailed(_missing(error)) from error
    except OSError as error:
        raise CommandFailed(f"{error.filename or wiring.data}: {error.strerror or error}") from None


def _missing(error: ModuleNotFoundError) -> str:
    """What to install for a module that is not there."""
    from gateway.cli.extras import extra_for

    extra = extra_for(error.name or "")
    if extra is None:
        return f"{error}: this installation is not whole; run scripts/setup, or pip install darkroom-gateway again."
    return (
        f"{error.name} is not installed, and this needs it: scripts/setup --{extra}, or pip install 'darkroom-gateway[{extra}]'"
    )
