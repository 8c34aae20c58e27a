"""What may be written in models.toml: the types of its values, with their bounds and their words."""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from engines.contract import Capability, Size
from gateway.catalog.decoding import written

LARGEST_SIDE = 16_383
"""Pixels; the most that WebP can hold (RFC 9649)."""
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
AUTO = "auto"
"""What a request says that leaves the choice of the model to us; no model may be called so."""


class Range(Struct, frozen=True):
    """The least and the most, both allowed; in the file `[least, most]`."""

    low: float
    high: float


def _size(value: Any) -> Size:
    if isinstance(value, str):
        value = [int(side) for side in value.lower().split("x")]
    width, height = msgspec.convert(value, tuple[Side, Side])
    return Size(width, height)


def _range(value: Any) -> Range:
    low, high = msgspec.convert(value, tuple[Bound, Bound])
    if low > high:
        raise ValueError
    return Range(low, high)


def _memory(value: Any) -> int:
    if isinstance(value, str):
        quantity = _QUANTITY.fullmatch(value.strip())
        if quantity is None:
            raise ValueError
        value = round(float(quantity[1]) * _UNITS[quantity[2]])
    count: int = msgspec.convert(value, Annotated[int, Meta(ge=1)])
    return count


def _device(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"auto|cpu|cuda(:\d{1,2})?", value):
        raise ValueError
    return "cuda:0" if value == "cuda" else value


def _network(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return str(ipaddress.ip_network(value))


def _origin(value: Any) -> str:
    if value == ANY_ORIGIN:
        return ANY_ORIGIN
    parts = _ORIGIN.fullmatch(value.lower()) if isinstance(value, str) else None
    if parts is None or not 0 < int(parts["port"] or 1) < 65_536:
        raise ValueError
    usual = parts["port"] is None or int(parts["port"]) == _USUAL_PORTS.get(parts["scheme"])
    return f"{parts['scheme']}://{parts['host']}" + ("" if usual else f":{int(parts['port'])}")


def _price(value: Any) -> Decimal:
    """Exact to four places, as money is kept."""
    price = msgspec.convert(value, Decimal)
    if isinstance(value, bool) or not price.is_finite() or not 0 <= price <= 10**9 or price != round(price, 4):
        raise ValueError
    return price


def _call(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError
        return value
    command = msgspec.convert(value, tuple[Text, ...])
    if not command or any("\0" in part for part in command):
        raise ValueError
    return command


def _folder(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or not Path(value).is_absolute():
        raise ValueError
    return value


ANY_ORIGIN = "*"
_ORIGIN = re.compile(
    r"(?P<scheme>(?!file:)[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?"
)
_USUAL_PORTS = {"http": 80, "https": 443}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]i?B)")
_UNITS = {f"{letter}{i}B": (1024 if i else 1000) ** power for power, letter in enumerate("KMGT", start=1) for i in ("", "i")}
Side = Annotated[int, Meta(ge=1, le=LARGEST_SIDE)]
Bound = Annotated[float, Meta(ge=0, le=1000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
CountOrNone = Annotated[int, Meta(ge=0, le=1000)]
Multiple = Annotated[int, Meta(ge=1, le=1024)]
Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="letters, digits and . _ -, at most 64")]
LaneName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][^\s]{0,199}$", description="the name of a lane or of an engine, without spaces")
]
ModelId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}$", description="letters, digits and . _ : @ + -, at most 128")
]
Steps = Annotated[int, Meta(ge=1, le=1000)]
Guidance = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
Area = Annotated[float, Meta(ge=0.001, le=256)]
"""Megapixels of 2^20."""
Upscaler = Literal["lanczos"]
"""What can enlarge a picture after it was made."""
WrittenSize = Annotated[Size, written('a size such as "1024x768" or [1024, 768]', _size)]
WrittenRange = Annotated[Range, written("the least and the most such as [1, 50]", _range)]
Memory = Annotated[int, written('bytes, or text such as "6.5 GB" or "24 GiB"', _memory)]
Device = Annotated[str, written("auto, cpu, or cuda:0 and so on", _device)]
Credits = Annotated[Decimal, written("credits such as 500 or 0.25, with four decimals at most", _price)]
Price = Annotated[Decimal, written("credits for a picture, such as 5 or 0.25, with four decimals at most", _price)]
Folder = Annotated[str, written("the full path of a folder, such as /srv/pictures", _folder)]
Call = Annotated[
    str | tuple[str, ...],
    written('an address such as "http://127.0.0.1:9000/wake", or a command such as ["systemctl", "start", "forge"]', _call),
]
"""What is called or run. An address holds no password."""
Network = Annotated[str, written("a network such as 10.0.0.0/8 or fd00::/8", _network)]
"""Its canonical text, for `ipaddress.ip_network`."""
Origin = Annotated[
    str,
    written(
        'the origin of pages as browsers send it, such as "https://chat.example.org" or "http://192.0.2.7:3000" (scheme, host '
        'and port, nothing behind; each by itself), or "*" for all',
        _origin,
    ),
]
"""Its canonical text: small letters, and no port where it is the scheme's usual one."""
