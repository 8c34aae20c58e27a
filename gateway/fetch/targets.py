"""URLs as they are handed in: what is refused before anything is looked up."""

from __future__ import annotations

import re

import httpx
from msgspec import Struct

from gateway.errors import InvalidInput

LONGEST = 8192
"""Characters; what most servers take."""
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?|[0-9a-f:]*:[0-9a-f:]+([0-9.]+)?|::")
"""A name, an IPv4 address however it is spelled, or an IPv6 one without a zone."""


class Unfetchable(InvalidInput):
    """The URL does not give what it should; the message says why without telling about our network."""

    code = "unfetchable_url"


class AddressRefused(Unfetchable):
    """The URL leads where we do not go, or nowhere; which of the two is not told, or names of our network could be tried."""

    code = "address_refused"


class Target(Struct, frozen=True):
    """A URL that is well formed; its address was not looked at."""

    url: httpx.URL

    @property
    def host(self) -> str:
        return self.url.raw_host.decode("ascii")

    @property
    def port(self) -> int:
        return self.url.port or _PORTS[self.url.scheme]

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.url.scheme, self.host, self.port


def understood(url: str, field: str) -> Target:
    """Read a URL: http(s), a host, no credentials. Raises Unfetchable that names `field`."""
    if len(url) > LONGEST:
        raise Unfetchable(f"The URL is longer than {LONGEST} characters.", field=field)
    try:
        parsed = httpx.URL(url.strip().partition("#")[0])
    except (httpx.InvalidURL, ValueError):
        raise Unfetchable("This is no URL; write https://host/path.", field=field) from None
    if parsed.scheme not in _PORTS:
        raise Unfetchable("Only http:// and https:// URLs are fetched.", field=field)
    if parsed.userinfo:
        raise Unfetchable("The URL carries a user or a password; give one that opens without.", field=field)
    host, port = parsed.raw_host.decode("ascii", "replace"), parsed.port
    if not _HOST.fullmatch(host) or (port is not None and not 0 < port < 65536):
        raise Unfetchable("The URL names no host that there could be.", field=field)
    return Target(parsed)


def redirected(target: Target, location: str, field: str) -> Target:
    """Where a redirect leads. Raises Unfetchable."""
    try:
        return understood(str(target.url.join(location)), field)
    except (httpx.InvalidURL, ValueError):
        raise Unfetchable(f"{target.host} redirects to what is no URL.", field=field) from None
