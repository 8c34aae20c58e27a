"""The `darkroom` command, one module per group. It speaks HTTP to the gateway and never opens its database.

Nothing heavy is imported before a command runs: `darkroom --help` stays quick.
"""

from __future__ import annotations

import click

from gateway import __version__
from gateway.cli.audit import audit
from gateway.cli.doctor import doctor
from gateway.cli.generate import generate
from gateway.cli.images import images
from gateway.cli.keys import keys
from gateway.cli.lists import engines, models, queue
from gateway.cli.serve import serve
from gateway.cli.storage import storage
from gateway.cli.teams import teams
from gateway.cli.users import users
from gateway.cli.workflows import workflows


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="darkroom")
def main() -> None:
    """Darkroom: one gateway in front of your image generators.

    \b
    Make a picture (a gateway is started for it when none runs):
      darkroom generate "a red circle on a blue background" -o out.png
    \b
    Bring the pictures that you have:
      darkroom images import ~/stable-diffusion-webui/outputs
    \b
    Keep a gateway running, and look at it from another terminal:
      darkroom serve
      darkroom models
      darkroom queue
    \b
    Something is wrong, or you want to be sure that nothing is:
      darkroom doctor
    """


for command in (serve, generate, images, models, engines, queue, teams, users, keys, audit, storage, workflows, doctor):
    main.add_command(command)
