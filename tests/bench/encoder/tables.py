"""The tables: who takes part in each contest, and how its results read."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv4Address
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from keys import Ring, Secret, init_ring
from zt.crypto.ff1_column import FF1Column
from zt.crypto.gram import GramTokens
from zt.crypto.ipcrypt_pfx import KEY_SIZE, IpcryptPfx
from zt.encoder import Decoder, Encoder
from zt.profile import Profile
from zt.schemes.det import Det
from zt.schemes.fpe import Fpe
from zt.schemes.ip import IpFpe, IpPfx

from ..page import Row, markdown
from . import rivals, stages
from .contest import Contestant, Result, consume, contest, release
from .events import DET_FIELDS, DET_ONLY, FORTY_FIELDS, det_lines, sip_lines
from .loop import json_alone, loop

EVENTS = 60_000
SLOW = 10  # times fewer events for those that take a millisecond for each
BATCH = 10_000  # values of a column, as many as a batch has events
WORKERS = 2
OWN_LIBRARIES = ("cryptography", "msgspec", "numpy")
OTHER_LIBRARIES = ("pyffx", "libffx", "ipcrypt", "tink", "pymongocrypt")


def tables(events: int, folder: Path) -> dict[str, str]:
    """All tables by their marks in docs/benchmarks.md.

    Args:
        events: how many each contestant of the encoder encrypts; the slow ones do fewer.
        folder: for the ring.
    """
    ring = init_ring(folder / "ring.json", "bench", "file:ring.key")
    lines = sip_lines(events)
    return {
        "encoder": forty_fields(ring, lines),
        "stages": shares(ring, lines),
        "det-only": det_only(ring, det_lines(events)),
        "values": values(ring, min(events, BATCH)),
    }


def forty_fields(ring: Ring, lines: Sequence[bytes]) -> str:
    """Encrypt and decrypt beside JSON alone and the loops over other libraries."""
    wire = list(Encoder(ring, FORTY_FIELDS).encrypt(lines))
    few = lines[: max(1, len(lines) // SLOW)]
    alone, *rest = results = contest(
        [
            Contestant("JSON alone: parse and write", *_lines(json_alone, lines)),
            Contestant("**encrypt**", len(lines), partial(_encrypt, ring, FORTY_FIELDS, lines)),
            Contestant(
                f"**encrypt, {WORKERS} workers**",
                len(lines),
                partial(_encrypt, ring, FORTY_FIELDS, lines, WORKERS),
            ),
            Contestant("**decrypt and verify**", len(lines), partial(_decrypt, ring, wire)),
            Contestant("loop: pyffx, HMAC, ipcrypt, AES-GCM", *_lines(loop(), few)),
            Contestant("the same, IPv4 made IPv6", *_lines(loop(keeps_format=False), few)),
            Contestant("the same, each behind an lru_cache", len(lines), _remembering_loop(lines)),
        ]
    )
    ours = rest[0]
    rows: list[Row] = [("what", "events/s", "times JSON alone", "times encrypt")]
    rows += [(one.name, one.rate(), one.times(alone), one.times(ours)) for one in results]
    plain, sealed = sum(map(len, lines)), sum(map(len, wire))
    return f"""{len(lines):,} events of {plain / len(lines):,.0f} bytes; {_machine()},
{", ".join(map(release, OWN_LIBRARIES))};
{", ".join(map(release, OTHER_LIBRARIES))}:

{markdown(rows)}

The wire has {sealed / plain:.2f} times the bytes of the plain events."""


def shares(ring: Ring, lines: Sequence[bytes]) -> str:
    """The share of each stage of an encryption."""
    profile = stages.profile()
    profile.sample(partial(_encrypt, ring, FORTY_FIELDS, lines))
    return f"{profile.stages.total():,} samples:\n\n{markdown(profile.rows())}"


def det_only(ring: Ring, lines: Sequence[bytes]) -> str:
    """Eight det fields beside other deterministic authenticated encryption."""
    few = lines[: max(1, len(lines) // SLOW)]
    contestants = [
        Contestant("JSON alone: parse and write", *_lines(json_alone, lines)),
        Contestant("**encrypt, sealed**", len(lines), partial(_encrypt, ring, DET_ONLY, lines)),
        Contestant("**the det scheme alone**", len(lines), partial(_det_columns, ring, lines)),
        Contestant("loop: cryptography's AESSIV", *_lines(rivals.aessiv(), lines)),
        Contestant("loop: tink's AES-SIV", *_lines(rivals.tink_siv(), lines)),
        Contestant("loop: pymongocrypt, explicit", *_lines(rivals.mongo(), few)),
    ]
    alone, sealed, *_ = results = contest(contestants)
    rows: list[Row] = [("what", "events/s", "times JSON alone", "times encrypt")]
    rows += [(one.name, one.rate(), one.times(alone), one.times(sealed)) for one in results]
    return f"{len(lines):,} events:\n\n{markdown(rows)}"


def values(ring: Ring, count: int) -> str:
    """One value of each kind, in our columns, in our scalar code, and in other libraries."""
    draw = np.random.default_rng(6)
    numbers = [f"{number:012d}" for number in draw.integers(0, 10**12, count).tolist()]
    packed = draw.integers(0, 2**32, count, np.uint32)
    addresses = [str(IPv4Address(number)) for number in packed.tolist()]
    texts = [f"sip:+{number}@pbx{number[-2:]}.example.net" for number in numbers]
    grams = sum(len(text) - rivals.GRAM + 1 for text in texts)
    key = ring.active.keyspace("bench")
    ff1 = FF1Column(Secret(os.urandom(32)))
    pfx = IpcryptPfx(Secret(os.urandom(KEY_SIZE)))
    tokens = GramTokens(key)
    few = count // SLOW
    parts = {
        "FF1, 12 digits": [
            Contestant("**column**", count, lambda: ff1.strings(numbers, b"")),
            Contestant("**one by one**", *_values(Fpe(key).protect, numbers[:few])),
            Contestant("pyffx (no NIST FF1)", *_values(rivals.pyffx_number(), numbers[:few])),
            Contestant("libffx", *_values(rivals.libffx_number(), numbers[:few])),
        ],
        "IPv4, FF1": [
            Contestant("**column**", count, lambda: _texts(ff1.ipv4(_numbers(addresses), b""))),
            Contestant("**column, without parsing**", count, lambda: ff1.ipv4(packed, b"")),
            Contestant("**one by one**", *_values(IpFpe(key).protect, addresses[:few])),
            Contestant(
                "ipcrypt, deterministic (gives IPv6)",
                *_values(rivals.ipcrypt_value("deterministic", 16), addresses[:few]),
            ),
        ],
        "IPv4, prefix-preserving": [
            Contestant("**column**", count, lambda: _texts(pfx.ipv4(_numbers(addresses)))),
            Contestant("**column, without parsing**", count, lambda: pfx.ipv4(packed)),
            Contestant("**one by one**", *_values(IpPfx(key).protect, addresses[:few])),
            Contestant("ipcrypt, pfx", *_values(rivals.ipcrypt_value("pfx", 32), addresses[:few])),
        ],
        "gram token": [
            Contestant("**column**", grams, lambda: tokens.tokens(texts)),
            _for_each_gram("HMAC-SHA-256 of each", rivals.hmac_grams(), texts[:few]),
        ],
    }
    rows: list[Row] = [("value", "how", "µs a value", "times the column")]
    for kind, contestants in parts.items():
        column, *_ = results = contest(contestants)
        rows += [(kind, one.name, _microseconds(one), one.times(column)) for one in results]
    return f"{count:,} distinct values, {few:,} where they go one by one:\n\n{markdown(rows)}"


# --- contestants -------------------------------------------------------------------------------


def _encrypt(ring: Ring, profile: Profile, lines: Sequence[bytes], workers: int = 1) -> None:
    consume(Encoder(ring, profile, workers=workers).encrypt(lines))


def _decrypt(ring: Ring, wire: Sequence[bytes]) -> None:
    for event in Decoder(ring).decrypt(wire):
        msgspec.json.encode(event)


def _det_columns(ring: Ring, lines: Sequence[bytes]) -> None:
    """The det scheme without ids, blobs and seals: each distinct value of a batch once."""
    schemes = {path: Det(ring.active.keyspace(path)) for path in DET_FIELDS}
    rest = iter(lines)
    while batch := [msgspec.json.decode(line) for line in islice(rest, BATCH)]:
        for path, scheme in schemes.items():
            values = list({event[path] for event in batch})
            made = dict(zip(values, scheme.protect_all(values), strict=True))
            for event in batch:
                event[path] = made[event[path]]
        consume(map(msgspec.json.encode, batch))


def _remembering_loop(lines: Sequence[bytes]) -> Callable[[], object] | None:
    """A loop whose caches are empty at the start of each round, as the encoder's are."""
    if loop(remembers=True) is None:
        return None

    def run() -> None:
        if (encrypt := loop(remembers=True)) is not None:
            consume(map(encrypt, lines))

    return run


def _numbers(addresses: Sequence[str]) -> npt.NDArray[np.uint32]:
    return np.array([int(IPv4Address(text)) for text in addresses], np.uint32)


def _texts(numbers: npt.NDArray[np.uint32]) -> list[str]:
    return [str(IPv4Address(number)) for number in numbers.tolist()]


def _lines(
    encrypt: rivals.Line | None, lines: Sequence[bytes]
) -> tuple[int, Callable[[], object] | None]:
    return len(lines), None if encrypt is None else lambda: consume(map(encrypt, lines))


def _values(
    encrypt: rivals.Value | None, texts: Sequence[str]
) -> tuple[int, Callable[[], object] | None]:
    return len(texts), None if encrypt is None else lambda: consume(map(encrypt, texts))


def _for_each_gram(name: str, tokens: rivals.Value, texts: Sequence[str]) -> Contestant:
    grams = sum(len(text) - rivals.GRAM + 1 for text in texts)
    return Contestant(name, grams, _values(tokens, texts)[1])


# --- how results read --------------------------------------------------------------------------


def _microseconds(result: Result) -> str:
    return result.rate() if result.seconds is None else f"{1e6 * result.seconds:,.3g}"


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"
