"""Which addresses are public, whatever they are written as."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fetch.addresses import is_allowed, is_public, meant

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "192.169.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "2002:808:808::1",
    "64:ff9b::8.8.8.8",
]
PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # a cloud's metadata
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # another's
    "169.254.169.254",  # most others'
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",  # NAT64 within a network
    "100::1",
    "2001::1",  # Teredo
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # a cloud's metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_anyone_reaches_these(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", PRIVATE)
def test_these_are_somebodys_own(text: str) -> None:
    assert not is_public(ip_address(text))


V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
FORMS = ["::ffff:{}", "::ffff:0:{}", "64:ff9b::{}"]


@given(V4, st.sampled_from(FORMS))
def test_a_form_hides_nothing(address: IPv4Address, form: str) -> None:
    assert meant(ip_address(form.format(address))) == address
    assert is_public(ip_address(form.format(address))) == is_public(address)


@given(V4, st.integers(0, 2**80 - 1))
def test_six_to_four_hides_nothing(address: IPv4Address, rest: int) -> None:
    assert is_public(IPv6Address(0x2002 << 112 | int(address) << 80 | rest)) == is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_what_python_calls_private_is_not_public(number: int) -> None:
    address = IPv4Address(number)
    assert not (is_public(address) and (address.is_private or address.is_multicast or address.is_reserved))


@given(st.integers(0, 2**128 - 1))
def test_public_is_global_unicast_or_stands_for_a_public_one(number: int) -> None:
    address = IPv6Address(number)
    assert not is_public(address) or meant(address) != address or number >> 125 == 1


@pytest.mark.parametrize(
    ("text", "allowed", "answer"),
    [
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("::ffff:10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.2.3", ["10.1.0.0/16"], False),
        ("fd00::7", ["10.0.0.0/8", "fd00::/64"], True),
        ("127.0.0.1", [], False),
        ("8.8.8.8", [], True),
    ],
)
def test_an_operator_lets_into_networks(text: str, allowed: list[str], answer: bool) -> None:
    assert is_allowed(ip_address(text), map(ip_network, allowed)) is answer
