"""One module for each bench: its first line says what it measures, `run() -> list[Figure]` measures it.

Every figure has its reference from the same run on the same machine, so that it says the same on any machine.
"""
