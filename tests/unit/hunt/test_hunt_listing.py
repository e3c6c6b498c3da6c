"""Entries and listings agree with Python's own addresses and networks."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zt.errors import InputError
from zt.hunt import listing as listing_module
from zt.hunt.entries import BITS, Entry, parse_entry
from zt.hunt.listing import Listed, Listing
from zt.values.address import Address, Network, parse_address, parse_network

mapped = st.ip_addresses(v=4).map(lambda one: IPv6Address(f"::ffff:{one}"))
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), mapped)
spelled = st.one_of(
    addresses.map(str),
    st.builds(lambda one, bits: f"{one}/{bits}", addresses, st.integers(0, 140)),
    st.text("0123456789abcdef:./-% ", max_size=50),
    st.text(max_size=20),
)
small = st.integers(0, 300).map(lambda n: ip_address(0xC0000200 + n))
"""Addresses close to each other, so that networks nest and hit."""
small_networks = st.builds(
    lambda one, bits: ip_network(f"{one}/{bits}", strict=False), small, st.integers(20, 32)
)


def networks(text: str) -> list[Network]:
    return [_network(entry) for entry in parse_entry(text)]


def _network(entry: Entry) -> Network:
    kind = IPv4Network if entry.version == 4 else IPv6Network
    return kind((entry.prefix << BITS[entry.version] - entry.length, entry.length))


@given(spelled)
@example("::ffff:192.0.2.0/120")
@example("::ffff:192.0.2.0/95")
@example("::ffff:192.0.2.0/96")
@example("192.0.2.1/33")
@example("192.0.2.01")
@example("fe80::1%eth0")
@example("192.0.2.1/024")
@example("1.2.3.4\0")
def test_an_entry_is_what_addresses_and_networks_are_elsewhere(text: str) -> None:
    address, network = parse_address(text), parse_network(text)
    if address is not None:
        assert networks(text) == [ip_network(address)]
    elif network is not None:
        assert networks(text) == [network]
    elif "-" not in text:
        assert networks(text) == []


@given(st.tuples(small, small))
def test_a_range_is_the_addresses_from_its_first_to_its_last(ends: tuple[Address, Address]) -> None:
    first, last = sorted(map(int, ends))
    found = networks(f"{ip_address(first)} - {ip_address(last)}")
    assert sorted(int(one) for part in found for one in part) == list(range(first, last + 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "192.0.2.9-192.0.2.1",
        "192.0.2.1-2001:db8::1",
        "192.0.2.1-",
        "1-2-3",
        "x/24",
    ],
)
def test_what_spells_no_network_is_no_entry(text: str) -> None:
    assert networks(text) == []


@given(st.lists(small_networks, min_size=1, max_size=20), small)
def test_an_address_is_found_in_its_smallest_network(listed: list[Network], one: Address) -> None:
    listing = Listing("mine")
    for network in listed:
        listing.add(parse_entry(str(network)))
    around = [network for network in listed if one in network]
    smallest = max(around, key=lambda network: network.prefixlen, default=None)
    assert listing.find(one) == smallest
    assert len(listing) == len(set(listed))


def test_families_are_apart_and_an_entry_is_named() -> None:
    listing = Listing("mine")
    for text in ("0.0.0.1", "2001:db8::/32", "10.0.0.0/8"):
        listing.add(parse_entry(text))
    assert listing.listed(ip_address("::1")) is None
    assert listing.listed(ip_address("0.0.0.1")) == Listed("mine", "0.0.0.1")
    assert listing.listed(ip_address("2001:db8::7")) == Listed("mine", "2001:db8::/32")
    assert listing.listed(ip_address("10.1.2.3")) == Listed("mine", "10.0.0.0/8")


def test_a_list_of_everything_lists_everything() -> None:
    listing = Listing("all")
    listing.add(parse_entry("0.0.0.0/0"))
    assert listing.find(ip_address("255.255.255.255")) == ip_network("0.0.0.0/0")
    assert listing.find(ip_address("::")) is None


def test_a_list_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "MAX_ENTRIES", 3)
    listing = Listing("mine")
    for n in range(3):
        listing.add(parse_entry(f"192.0.2.{n}"))
    with pytest.raises(InputError, match="more than 3 entries"):
        listing.add(parse_entry("192.0.2.3"))
    assert len(listing) == 3
