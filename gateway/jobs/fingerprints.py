"""What an Idempotency-Key stands for: a hash of the request that came with it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

LONG = 64 << 10
"""Characters, or bytes, from which a value is hashed by itself, and the request in a thread."""
_PIECE = 1 << 20
"""Characters that are hashed at a time. The event loop waits while they are made into bytes, not while those are hashed."""
_encode = msgspec.json.Encoder(order="sorted").encode


async def fingerprint(*parts: object) -> str:
    """A hash of a request: of bytes by what is in them, of everything else by its value as JSON.

    Two requests that were written differently but parse to equal values have one fingerprint.
    """
    plain = [msgspec.to_builtins(part, order="sorted", builtin_types=(bytes,)) for part in parts]
    return await asyncio.to_thread(_hashed, plain) if any(map(_is_large, plain)) else _hashed(plain)


def _hashed(parts: Sequence[Any]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else _encode(_shortened(part))
        # Digests have one length, so that what ends one part cannot begin the next; and bytes are never taken for JSON.
        whole.update(b"b" if isinstance(part, bytes) else b"j")
        whole.update(hashlib.sha256(data).digest())
    return whole.hexdigest()


def _is_large(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return len(value) >= LONG
    if isinstance(value, dict):
        return any(map(_is_large, value.values()))
    return isinstance(value, list | tuple) and any(map(_is_large, value))


def _shortened(value: Any) -> Any:
    """The same, with hashes in the places of what would take long to write as JSON: pictures."""
    if isinstance(value, str | bytes):
        return {"sha256": _hash_of(value)} if len(value) >= LONG else value
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    return [_shortened(each) for each in value] if isinstance(value, list | tuple) else value


def _hash_of(value: str | bytes) -> str:
    whole = hashlib.sha256()
    if isinstance(value, bytes):
        whole.update(value)
    else:
        for at in range(0, len(value), _PIECE):
            whole.update(value[at : at + _PIECE].encode("utf-8", "surrogatepass"))
    return whole.hexdigest()
