"""`python -m gateway.cli` is `darkroom`."""

from __future__ import annotations

from gateway.cli import main

main(prog_name="darkroom")
