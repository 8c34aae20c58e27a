"""Signatures as the Standard Webhooks specification says (https://www.standardwebhooks.com, version 1.0.0).

A secret is the HMAC of its owner's name and version under a key that is derived from the master key, so the database
holds none and can be asked for each as often as it is needed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from msgspec import Struct
from standardwebhooks.webhooks import Webhook as Signature

BEGINNING = "whsec_"
OVERLAP = 24 * 3600 * 1_000_000
"""Microseconds for which the secret before still signs too, so that receivers can change theirs in between."""


class Secret(Struct, frozen=True):
    """Which secret signs; not the secret itself."""

    owner: str
    """What it belongs to: `of_webhook` or `of_requests`."""
    version: int
    changed_at: int | None = None
    """Microseconds since the epoch; None for the first."""

    def versions(self, now: int) -> list[int]:
        """Those that sign at this moment, the newest first."""
        both = self.changed_at is not None and self.version > 1 and now - self.changed_at < OVERLAP
        return [self.version, self.version - 1] if both else [self.version]


def of_webhook(webhook_id: str) -> str:
    return f"webhook:{webhook_id}"


def of_requests(team_id: str) -> str:
    """Signs for the addresses that a team's requests name."""
    return f"team:{team_id}"


class Signing:
    """`key` is derived from the master key for this purpose alone."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def text(self, secret: Secret) -> str:
        """The secret as its owner is shown it, once: `whsec_` and base64 of 32 bytes."""
        return BEGINNING + base64.b64encode(self._bytes(secret.owner, secret.version)).decode()

    def headers(self, message_id: str, body: str, secret: Secret, now: int) -> dict[str, str]:
        """The three headers of a message that is sent at `now`, microseconds since the epoch."""
        seconds = now // 1_000_000
        moment = datetime.fromtimestamp(seconds, UTC)
        keys = (self._bytes(secret.owner, version) for version in secret.versions(now))
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": " ".join(Signature(key).sign(message_id, moment, body) for key in keys),
        }

    def _bytes(self, owner: str, version: int) -> bytes:
        return hmac.digest(self._key, f"{owner}\n{version}".encode(), hashlib.sha256)
