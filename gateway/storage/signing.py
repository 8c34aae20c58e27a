"""Signed URLs: they open without a key and are checked without the database.

The signature covers everything that the URL says: its path, its scope, when it ends and every other parameter. The
path is the one the gateway knows, so a public URL may have a sub-path and may change. Ends are rounded up to the day,
so that for a day everyone is given the same URL and caches hit.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from msgspec import Struct

from gateway.errors import BadSignature, LinkExpired

SECOND = 1_000_000
"""Microseconds."""
MINUTE, DAY = 60, 86_400
_SIGNATURE_BYTES = 16
"""Half of SHA-256's output, the least that RFC 2104 advises."""
_PLAIN = re.compile(r"[A-Za-z0-9/._~-]+")
"""A path that quoting leaves as it is."""
_OURS = frozenset({"e", "s", "sig"})


class Grant(Struct, frozen=True):
    """What a good URL allows."""

    scope: str
    seconds_left: int
    """Until it ends; an answer may be cached that long."""


class Signer:
    """`key` is derived for this purpose alone; every `now` is microseconds since the epoch."""

    def __init__(self, key: bytes, base_url: str, lifetime_days: int = 7) -> None:
        self.base_url = base_url.rstrip("/")
        self.lifetime = lifetime_days * DAY
        self._key = key

    def url(self, path: str, scope: str = "live", *, now: int, lifetime: int | None = None) -> str:
        """The absolute URL of `path`, which begins with a slash and may have a query of its own.

        `lifetime` is in seconds; under a day it is rounded up to the minute instead of the day.
        """
        lifetime = self.lifetime if lifetime is None else lifetime
        step = DAY if lifetime >= DAY else MINUTE
        expiry = str(-(-(now // SECOND + lifetime) // step) * step)
        if _PLAIN.fullmatch(path) and scope.isalnum() and scope.isascii():
            # Nothing to be quoted, as in nearly all: a page of a list has forty of them.
            signature = self._seal("\n".join([scope, expiry, path, ""]))
            return f"{self.base_url}{path}?e={expiry}&s={scope}&sig={signature}"
        parts = urlsplit(path)
        parameters = parse_qsl(parts.query, keep_blank_values=True)
        signature = self._signature(unquote(parts.path), scope, expiry, parameters)
        query = urlencode([*parameters, ("e", expiry), ("s", scope), ("sig", signature)])
        return f"{self.base_url}{quote(unquote(parts.path))}?{query}"

    def verify(self, path: str, query: str | bytes, now: int) -> Grant:
        """Check a request's path (decoded, without the public URL's sub-path) and its raw query string.

        Raises BadSignature for what we did not sign, LinkExpired for what we did and is over.
        """
        raw = query if isinstance(query, bytes) else query.encode("utf-8", "replace")
        parameters = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
        said = {name: value for name, value in parameters if name in _OURS}
        others = [(name, value) for name, value in parameters if name not in _OURS]
        if len(said) != len(_OURS) or len(parameters) != len(_OURS) + len(others):
            raise BadSignature("The link carries no signature of ours, or more than one.")
        expected = self._signature(path, said["s"], said["e"], others)
        if not hmac.compare_digest(expected.encode(), said["sig"].encode("utf-8", "replace")):
            raise BadSignature("The link was altered; ask for a new one.")
        left = int(said["e"]) - now // SECOND
        if left <= 0:
            raise LinkExpired("The link has expired; ask for a new one.")
        return Grant(said["s"], left)

    def _signature(self, path: str, scope: str, expiry: str, parameters: list[tuple[str, str]]) -> str:
        # The encoded query has no line break, and scope and expiry stand first: no two URLs share a message.
        message = "\n".join([quote(scope), quote(expiry), path, urlencode(sorted(parameters))])
        return self._seal(message)

    def _seal(self, message: str) -> str:
        digest = hmac.digest(self._key, message.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).rstrip(b"=").decode()
