"""The text of a key, and what of it is kept."""

from __future__ import annotations

import hashlib
import secrets

BEGINNING = "dk_"
_RANDOM_BYTES = 32
PREFIX_LENGTH = 8
"""Characters that are kept in clear: `dk_` and five more, which tell 2^30 keys apart and leave 226 bits unknown."""
LONGEST = 200
"""Characters; a longer one is nobody's, and is not hashed."""


def new_token() -> str:
    """`dk_` and 43 URL-safe characters of 256 random bits."""
    return BEGINNING + secrets.token_urlsafe(_RANDOM_BYTES)


def digest(token: str) -> str:
    """What is kept of a key. Plain SHA-256 is enough: 256 random bits cannot be guessed, so there is nothing to slow down."""
    return hashlib.sha256(token.encode()).hexdigest()


def prefix(token: str) -> str:
    """How the key begins; of a short one that a person chose, not more than a quarter."""
    return token[: min(PREFIX_LENGTH, len(token) // 4)]
