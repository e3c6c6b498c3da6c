"""Measures what the cloud could learn, and fills the tables of docs/leakage.md.

    python -m tests.bench.leakage [--values 1000000]

On the demo's events, encrypted as the presets say, from the wire lines alone, without keys; what
an attacker knows besides is said at each figure. Everything random is seeded.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import msgspec
import numpy as np

from analytics.wire import EventLine, ValueLine, leaves, parse_line
from keys import EpochKeys, Ring, Secret, init_ring
from zt.crypto.fold import fold
from zt.crypto.ipcrypt_pfx import IpcryptPfx
from zt.demo.play import find_capture
from zt.encoder import Encoder
from zt.encoder.plan import Plan
from zt.profile import Profile, load_profile
from zt.schemes.search import SearchTokens
from zt.sip import Agent, probe_capture

from .page import Row, fill, markdown

PAGE = Path(__file__).parents[2] / "docs" / "leakage.md"
NEEDLES = 200


class Wire:
    """What the cloud holds of the demo's events, and what they were."""

    def __init__(self, ring: Ring, profile: Profile, events: list[dict[str, Any]]) -> None:
        encoder = Encoder(ring, profile, stream="leakage")
        lines = encoder.encrypt(msgspec.json.encode(event) + b"\n" for event in events)
        parsed = [parse_line(line.rstrip()) for line in lines]
        self.events = events
        self.profile = profile
        self.plan = Plan(profile, ring.active, profile.id(ring.tenant_key))
        self.sealed = [line for line in parsed if isinstance(line, EventLine)]
        self.records = [line.record for line in parsed if isinstance(line, ValueLine)]

    def column(self, path: str) -> list[str]:
        """The ciphertexts at a path, one for each event that has it."""
        return [
            str(leaf.value)
            for line in self.sealed
            for leaf in leaves(line.body)
            if leaf.path == path
        ]

    def truth(self, path: str) -> dict[str, str]:
        """Plaintext by ciphertext, for judging guesses."""
        field = self.plan.field(path)
        if field is None:
            return {}
        return {str(ct): field.reveal_text(ct) for ct in self.column(path)}


def fields_table(wire: Wire) -> Iterator[Row]:
    """Distinct values, the most frequent one, entropy, and guesses by rank of frequency."""
    yield "field", "scheme", "events", "distinct", "most frequent", "entropy, bits", "guessed"
    for path in sorted(wire.plan.visible):
        column = wire.column(path)
        if not column:
            continue
        field = wire.plan.visible[path]
        counts = Counter(column)
        shares = [count / len(column) for count in counts.values()]
        entropy = -sum(share * math.log2(share) for share in shares)
        guessed = "-"
        if field.rule.is_keyed:
            guessed = f"{rank_attack(wire, path, counts):.0%}"
        yield (
            path,
            field.rule.scheme,
            len(column),
            len(counts),
            f"{max(shares):.0%}",
            f"{entropy:.1f}",
            guessed,
        )


def rank_attack(wire: Wire, path: str, counts: Counter[str]) -> float:
    """The share of events that an attacker names rightly who knows how often each value occurs.

    He learned that from other events of the same customer: from one half of them, and guesses
    the other half, by rank of frequency.
    """
    truth, column = wire.truth(path), wire.column(path)
    known = Counter(truth[ct] for ct in column[::2])
    seen = Counter(column[1::2])
    by_rank = [value for value, _ in known.most_common()]
    guesses = dict(zip([ct for ct, _ in seen.most_common()], by_rank, strict=False))
    right = sum(count for ct, count in seen.items() if guesses.get(ct) == truth[ct])
    return right / max(1, seen.total())


def lengths_table(wire: Wire) -> Iterator[Row]:
    """How far lengths alone tell values apart."""
    yield "field", "distinct values", "distinct lengths", "values whose length is theirs alone"
    for path in ("sip.from", "sip.auth.username", "sip.call_id", "user_agent.original"):
        lengths = Counter(len(ct) for ct in set(wire.column(path)))
        alone = sum(1 for count in lengths.values() if count == 1)
        yield path, lengths.total(), len(lengths), alone


def opaque_table(wire: Wire) -> Iterator[Row]:
    """What the length of the opaque blob tells of the type of an event, which is clear anyway."""
    yield "type", "events", "lengths of the blob", "most frequent length"
    by_type: dict[str, list[int]] = defaultdict(list)
    for line in wire.sealed:
        by_type[str(line.body["type"])].append(len(line.meta.opaque))
    for kind, sizes in sorted(by_type.items()):
        counts = Counter(sizes)
        yield kind, len(sizes), len(counts), f"{counts.most_common(1)[0][1] / len(sizes):.0%}"


def known_grams_table(wire: Wire) -> Iterator[Row]:
    """How much of unknown identities their tokens give away to who knows some identities."""
    yield "identities known", "tokens of the others known", "others with all tokens known"
    records = [record for record in wire.records if record.keyspace == "sip.identity"]
    order = Random(1).sample(records, len(records))
    for known in (0, 1, 3, 10, 30):
        learned = set().union(*(record.tokens for record in order[:known]))
        others = order[known:]
        shares = [len(learned & {*r.tokens}) / len(r.tokens) for r in others if r.tokens]
        whole = sum(1 for share in shares if share == 1)
        yield known, f"{mean(shares):.0%}", f"{whole} of {len(shares)}"


def subnets_table(wire: Wire) -> Iterator[Row]:
    """The tree of networks that `net` tokens show."""
    yield "addresses", "networks of /24, /16, /8 shown", "pairs of addresses known to share a /24"
    records = [r for r in wire.records if r.keyspace == "address" and "." in r.ct and r.tokens]
    plain = {r.ct: IPv4Address(wire.plan.visible["client.ip"].reveal_text(r.ct)) for r in records}
    networks = [len({int(a) >> bits for a in plain.values()}) for bits in (8, 16, 24)]
    tokens = Counter(token for record in records for token in record.tokens)
    pairs = sum(
        1
        for i, one in enumerate(records)
        for two in records[i + 1 :]
        if len({*one.tokens} & {*two.tokens}) == 3
    )
    assert len(tokens) == sum(networks), "each network has one token of its own"
    yield len(records), ", ".join(map(str, networks)), pairs


def pfx_table() -> Iterator[Row]:
    """How many packets find an IPv4 address that was encrypted by ipcrypt-pfx."""
    yield "targets", "packets on average", "packets at most"
    cipher = IpcryptPfx(Secret(bytes(range(32))))
    random = Random(2)
    needed = [chosen_packets(cipher, random) for _ in range(1000)]
    yield len(needed), f"{mean(needed):.1f}", max(needed)


def chosen_packets(cipher: IpcryptPfx, random: Random) -> int:
    """Packets from chosen addresses until one's ciphertext is the target's."""
    target = int(cipher.encrypt(IPv4Address(random.getrandbits(32))))
    guess, packets = random.getrandbits(32), 0
    while True:
        packets += 1
        shared = 32 - (int(cipher.encrypt(IPv4Address(guess))) ^ target).bit_length()
        if shared == 32:
            return packets
        rest = 31 - shared  # the first bit that differs is known now, those behind it are guessed
        guess = (guess >> rest ^ 1) << rest | random.getrandbits(rest) if rest else guess ^ 1


def false_positives_table(values: int) -> Iterator[Row]:
    """Values found by tokens that do not have the part, beside those that have."""
    yield "kind", "values", "needles", "missed", "found rightly", "found wrongly"
    tokens = SearchTokens(["gram", "prefix"], EpochKeys(Secret(bytes(32))).keyspace("x"))
    random = Random(3)
    kinds: list[tuple[str, Callable[[], str], Callable[[str], str]]] = [
        ("contains", lambda: random_uri(random), lambda text: part_of(random, text)),
        ("startswith", lambda: random_number(random), lambda text: text[: random.randrange(2, 9)]),
    ]
    for part, make, cut in kinds:
        texts = [make() for _ in range(values)]
        needles = [cut(random.choice(texts)) for _ in range(NEEDLES)]
        wanted = [set(tokens.needle(part, needle)) for needle in needles]  # type: ignore[arg-type]
        missed = right = wrong = 0
        for start in range(0, values, 20_000):
            chunk = texts[start : start + 20_000]
            own = tokens.tokens(chunk)
            flat = np.fromiter((t for some in own for t in some), np.uint32)
            owner = np.repeat(np.arange(len(own)), [len(some) for some in own])
            for needle, need in zip(needles, wanted, strict=True):
                hits = np.bincount(
                    owner[np.isin(flat, np.array(sorted(need), np.uint32))], minlength=len(own)
                )
                found = set(np.flatnonzero(hits == len(need)).tolist())
                holds = str.startswith if part == "startswith" else str.__contains__
                true = {i for i, text in enumerate(chunk) if holds(fold(text), fold(needle))}
                missed += len(true - found)
                right += len(true & found)
                wrong += len(found - true)
        yield part, f"{values:,}", NEEDLES, missed, f"{right:,}", wrong


def random_uri(random: Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    user = "".join(random.choices(letters, k=random.randrange(3, 14)))
    return f"sip:{user}@{random.choice(['example.org', 'pbx.example.net', '192.0.2.7'])}"


def random_number(random: Random) -> str:
    return f"+{random.choice([1, 44, 49, 33])}{random.randrange(10**8, 10**10)}"


def part_of(random: Random, text: str) -> str:
    start = random.randrange(len(text) - 5)
    return text[start : start + random.randrange(4, 9)]


def measure(values: int) -> dict[str, str]:
    """Every table of the page, by name."""
    with find_capture().open("rb") as source:
        agent = Agent(name="leakage", version="0")
        events = [dict(e) for e in probe_capture(source, name="demo.pcap", agent=agent)]
    with tempfile.TemporaryDirectory() as folder:
        ring = init_ring(Path(folder) / "ring.json", "leakage", "file:ring.key")
        wire = Wire(ring, load_profile("sip-balanced"), events)
        return {
            "fields": markdown(fields_table(wire)),
            "lengths": markdown(lengths_table(wire)),
            "opaque": markdown(opaque_table(wire)),
            "known grams": markdown(known_grams_table(wire)),
            "subnets": markdown(subnets_table(wire)),
            "pfx": markdown(pfx_table()),
            "false positives": markdown(false_positives_table(values)),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--values", type=int, default=1_000_000, help="for false positives")
    tables = measure(parser.parse_args().values)
    PAGE.write_text(fill(PAGE.read_text(), tables))
    for name, table in tables.items():
        print(f"{name}\n{table}\n", file=sys.stderr)


if __name__ == "__main__":
    main()
