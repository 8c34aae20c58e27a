"""The Idempotency-Key header, for every POST that makes a job."""

from __future__ import annotations

from typing import Annotated

from litestar.params import HeaderParameter

from gateway.jobs.fingerprints import fingerprint
from gateway.jobs.request import Idempotency

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="1 to 255 printable ASCII characters. Sent again within 24 hours, with the same request, it leads to the "
        "same job; with another request it is refused.",
    ),
]
"""A handler's parameter `idempotency_key: IdempotencyKey = None`."""


async def named(key: str | None, operation: str, *parts: object) -> Idempotency | None:
    """For `Submission.idempotency` and `jobs.idempotency.earlier`; None where the client named nothing.

    `parts` are all that decides what is made: the parsed body, headers that count, and files as bytes.
    """
    return None if key is None else Idempotency(key, await fingerprint(operation, *parts))
