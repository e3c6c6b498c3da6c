"""Each scheme: takes its values, gives canonical ones back, believes nothing altered."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.every_scheme import PROFILE, REFUSED, TAKEN

from keys import EpochKeys, Ring, Secret
from zt.encoder.fields import FieldPlan
from zt.encoder.plan import Plan
from zt.errors import IntegrityError
from zt.schemes.base import Scheme, UnfitError
from zt.schemes.coarsen import Coarsen
from zt.schemes.det import Det
from zt.schemes.fpe import Fpe
from zt.schemes.ip import IpFpe, IpPfx
from zt.schemes.uri import Uri

KEYS = EpochKeys(Secret(bytes(range(32))))
OTHER_EPOCH = EpochKeys(Secret(bytes(range(1, 33))))


@pytest.fixture(scope="module")
def plan(shared_ring: Ring) -> Plan:
    return Plan(PROFILE, shared_ring.active, PROFILE.id(shared_ring.tenant_key))


def field_of(plan: Plan, path: str) -> FieldPlan:
    field = plan.field(path)
    assert field is not None
    return field


CASES = [(path, value) for path, values in TAKEN.items() for value in values]
ODD = [(path, value) for path, values in REFUSED.items() for value in values]
MAKERS: dict[str, Any] = {
    "uri": Uri,
    "fpe": Fpe,
    "fpe, country": lambda key: Fpe(key, "country"),
    "fpe, keep 3": lambda key: Fpe(key, 3),
    "ip": IpFpe,
    "pfx": IpPfx,
    "det": Det,
}
VALUES: dict[str, str] = {
    "uri": "sip:alice@example.org",
    "fpe": "4930123456",
    "fpe, country": "+4930123456",
    "fpe, keep 3": "4930123456",
    "ip": "192.0.2.1",
    "pfx": "2001:db8::1",
    "det": "x",
}


@pytest.mark.parametrize(("path", "value"), CASES, ids=str)
def test_what_a_scheme_takes(plan: Plan, path: str, value: Any) -> None:
    field = field_of(plan, path)
    made = field.protect(value)
    assert made.scheme == field.scheme.name
    canonical = field.reveal(made.ciphertext)
    assert canonical == field.canonical(value)
    assert field.protect(canonical).ciphertext == made.ciphertext, "canonical forms stay"
    assert field.protect(canonical).is_exact
    if made.is_exact:
        assert (type(canonical), canonical) == (type(value), value)
    if field.rule.scheme != "coarsen":
        assert made.ciphertext != canonical


@pytest.mark.parametrize(("path", "value"), ODD, ids=str)
def test_what_a_scheme_does_not_take(plan: Plan, path: str, value: Any) -> None:
    """It goes to det, and is exact."""
    field = field_of(plan, path)
    made = field.protect(value)
    assert made.scheme == "det"
    assert made.is_exact
    back = field.reveal(made.ciphertext)
    assert (type(back), back) == (type(value), value)


@pytest.mark.parametrize("name", MAKERS)
def test_keyspaces_and_epochs_are_apart(name: str) -> None:
    make, value = MAKERS[name], VALUES[name]
    schemes: list[Scheme] = [
        make(keys.keyspace(keyspace))
        for keys in (KEYS, OTHER_EPOCH)
        for keyspace in ("a", "b", "ab")
    ]
    made = [scheme.protect(scheme.canonical(value)) for scheme in schemes]
    assert len(set(made)) == len(made)
    for scheme, ciphertext in zip(schemes, made, strict=True):
        assert scheme.reveal(ciphertext) == value
        for other in schemes:
            if other is scheme:
                continue
            if scheme.proves_itself:
                with pytest.raises(IntegrityError):
                    other.reveal(ciphertext)
            else:  # a plausible value, but never the right one
                assert other.reveal(ciphertext) != value


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_no_ciphertext(name: str) -> None:
    scheme: Scheme = MAKERS[name](KEYS.keyspace("a"))
    right = scheme.protect(scheme.canonical(VALUES[name]))
    wrong: list[Any] = ["", "x", None, 5, True, 1.5, [right]]
    wrong += [right + "\n", " " + right, right + "="]
    wrong += ["sip:a@b", "tel:aa", "sip:aa@aa.zt.invalid", "192.0.2.01", "fe80::1%1", "+", "12345"]
    if scheme.proves_itself:
        wrong += [right[:-1], right[1:], right.upper(), right.swapcase(), right + "a"]
    for ciphertext in wrong:
        with pytest.raises(IntegrityError):
            scheme.reveal(ciphertext)


def test_every_character_of_an_encrypted_uri_counts() -> None:
    scheme = Uri(KEYS.keyspace("identity"))
    for uri in ("sip:alice@example.org", "sips:example.org", "tel:+4930123456"):
        right = scheme.protect(uri)
        for place in range(len(right)):
            for other in "aA2.@:;x":
                if other != right[place]:
                    with pytest.raises(IntegrityError):
                        scheme.reveal(right[:place] + other + right[place + 1 :])


def test_a_user_moved_to_another_host_does_not_open() -> None:
    scheme = Uri(KEYS.keyspace("identity"))
    one, two = scheme.protect("sip:alice@one.example"), scheme.protect("sip:alice@two.example")
    user, host = one.partition("@")[0], two.partition("@")[2]
    assert user != two.partition("@")[0], "equal users of different hosts don't show as equal"
    for moved in (f"{user}@{host}", one.replace("sip:", "sips:"), f"sip:{host}@{host}"):
        with pytest.raises(IntegrityError):
            scheme.reveal(moved)
    assert one.partition("@")[2] == scheme.protect("sip:bob@one.example").partition("@")[2]


@pytest.mark.parametrize("length", [1, 10, 16, 17, 55, 56, 94, 95, 126, 127])
def test_hosts_become_names_that_dns_allows(length: int) -> None:
    scheme = Uri(KEYS.keyspace("identity"))
    host = ("h" * 62 + ".") * 3
    uri = f"sip:{host[:length].rstrip('.') or 'h'}"
    name = scheme.protect(scheme.canonical(uri)).removeprefix("sip:")
    assert len(name) <= 253
    assert all(0 < len(label) <= 63 for label in name.split("."))
    assert name.endswith(".zt.invalid")
    with pytest.raises(UnfitError):
        scheme.canonical(f"sip:{host[:128]}")


@settings(max_examples=60)
@given(st.from_regex(r"\+?[0-9]{9,40}", fullmatch=True), st.sampled_from([0, 3, "country"]))
def test_numbers_keep_their_form(number: str, keep: Any) -> None:
    scheme = Fpe(KEYS.keyspace("phone"), keep)
    try:
        canonical = scheme.canonical(number)
    except UnfitError:
        assert keep == "country"
        return
    made = scheme.protect(canonical)
    assert len(made) == len(number)
    assert made.startswith("+") == number.startswith("+")
    if isinstance(keep, int):
        kept = keep + number.startswith("+")
        assert made[:kept] == number[:kept]
    assert scheme.reveal(made) == number


def test_the_clear_part_of_a_number_is_in_the_tweak() -> None:
    scheme = Fpe(KEYS.keyspace("phone"), 2)
    tails = {scheme.protect(f"{code}30123456")[2:] for code in range(10, 60)}
    assert len(tails) == 50
    plain = Fpe(KEYS.keyspace("phone"))
    assert plain.protect("4930123456") != plain.protect("+4930123456")[1:]


def test_numbers_are_the_standards_ff1() -> None:
    """Bit for bit by another implementation: libffx, with the tweak as DESIGN has it."""
    ffx = pytest.importorskip("ffx")
    key = KEYS.keyspace("phone").subkey(b"fpe", 32).secret_key_access()
    other = ffx.FF1(key, radix=10)
    made = Fpe(KEYS.keyspace("phone"), "country").protect("+4930123456")
    assert made == "+49" + other.encrypt("30123456", tweak=b"\0\0\0\5phone+49")


@pytest.mark.parametrize("kind", [IpFpe, IpPfx])
def test_addresses_keep_their_family(kind: Any) -> None:
    scheme = kind(KEYS.keyspace("address"))
    for number in range(0, 2**32, 2**27 + 12345):
        v4, v6 = str(IPv4Address(number)), str(IPv6Address(number << 96 | number))
        assert ip_address(scheme.protect(v4)).version == 4
        assert ip_address(scheme.protect(v6)).version == 6
        assert (scheme.reveal(scheme.protect(v4)), scheme.reveal(scheme.protect(v6))) == (v4, v6)


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_pfx_keeps_prefixes_exactly(number: int, shared: int, noise: int) -> None:
    scheme = IpPfx(KEYS.keyspace("address"))
    mask = (1 << 32 - shared) - 1
    other = number & ~mask | (number ^ noise) & mask
    common = 32 - (number ^ other).bit_length()
    one, two = (int(ip_address(scheme.protect(str(IPv4Address(n))))) for n in (number, other))
    assert 32 - (one ^ two).bit_length() == common


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_networks_under_pfx_are_ranges(number: int, length: int, other: int) -> None:
    scheme = IpPfx(KEYS.keyspace("address"))
    network = ip_network((number, length), strict=False)
    low, high = map(ip_address, scheme.network(network))
    made = ip_address(scheme.protect(str(IPv4Address(other))))
    assert (int(low) <= int(made) <= int(high)) is (IPv4Address(other) in network)


def test_coarsening_hides_what_is_within_a_step() -> None:
    hours = Coarsen("time", 3600 * 10**6)
    assert hours.canonical("2026-01-02T03:59:59.999999Z") == "2026-01-02T03:00:00.000000Z"
    assert hours.canonical("2026-01-02T03:00:00+01:00") == "2026-01-02T02:00:00.000000Z"
    assert hours.canonical("1969-12-31T23:59:59Z") == "1969-12-31T23:00:00.000000Z"
    hundreds = Coarsen("number", 100)
    rounded = {0: 0, 99: 0, 100: 100, -1: -100, 199.9: 100, -0.5: -100}
    assert {n: hundreds.canonical(n) for n in rounded} == rounded


def normalised(path: str, value: Any) -> Any:
    """What counts as equal, said once more: on the values that `random_values` makes."""
    match path:
        case "sip.from":
            scheme, _, rest = value.partition(":")
            user, _, host = rest.partition("@")
            return scheme.lower(), user, host.partition(":")[0].partition(";")[0].lower()
        case "client.ip" | "trunk.ip":
            address = ip_address(value)
            return getattr(address, "ipv4_mapped", None) or address
        case "size":
            return value // 100
        case "phone":
            return str(value)
    return type(value), value


def random_values(path: str, seed: int, number: int) -> list[Any]:
    """Values of which many are equal, in one spelling or in several."""
    choice = Random(seed)
    n = [choice.randrange(300) for _ in range(number)]
    match path:
        case "sip.from":
            hosts = ["example.org", "Example.ORG", "example.org:5070", "example.net;lr"]
            schemes = ["sip", "SIP", "sips"]
            return [f"{choice.choice(schemes)}:u{i}@{choice.choice(hosts)}" for i in n]
        case "client.ip" | "trunk.ip":
            forms = ["192.0.2.{}", "::ffff:192.0.2.{}", "2001:db8::{:x}", "2001:DB8:0::{:04x}"]
            return [choice.choice(forms).format(i % 256) for i in n]
        case "size":
            return [choice.choice([37 * i, 37 * i + 0.5]) for i in n]
        case "phone":
            return [choice.choice([f"+4930{i:06}", f"4930{i:06}", 493000000 + i]) for i in n]
    return [choice.choice([i, float(i), str(i), f"0{i}", bool(i % 2)]) for i in n]


@pytest.mark.parametrize("path", ["sip.from", "phone", "client.ip", "trunk.ip", "size", "user"])
def test_equal_ciphertexts_if_and_only_if_equal_values(plan: Plan, path: str) -> None:
    """Over 100,000 random pairs for each scheme."""
    field = field_of(plan, path)
    one, two = random_values(path, 1, 100_000), random_values(path, 2, 100_000)
    cache: dict[Any, Any] = {}

    def made(value: Any) -> Any:
        known = (type(value), value)
        if known not in cache:
            cache[known] = field.protect(value).ciphertext
        return cache[known]

    verdicts: Counter[tuple[bool, bool]] = Counter()
    for a, b in zip(one, two, strict=True):
        same = made(a) == made(b) and type(made(a)) is type(made(b))
        verdicts[same, normalised(path, a) == normalised(path, b)] += 1
    assert verdicts[True, False] == verdicts[False, True] == 0
    assert verdicts[True, True] > 50
    assert verdicts[False, False] > 90_000


def test_a_user_can_not_be_taken_away() -> None:
    """A host proves that it stood alone, so a store can't make `sip:host` of `sip:user@host`."""
    scheme = Uri(KEYS.keyspace("identity"))
    with_user, alone = scheme.protect("sip:alice@example.org"), scheme.protect("sip:example.org")
    user, _, host = with_user.removeprefix("sip:").partition("@")
    assert f"sip:{host}" != alone
    for forged in (f"sip:{host}", f"sip:{user}@{alone.removeprefix('sip:')}"):
        with pytest.raises(IntegrityError):
            scheme.reveal(forged)
