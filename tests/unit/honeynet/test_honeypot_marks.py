"""Nonces and tags are known again by who made them, and by nobody else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.lure_asks import SECRET, came
from support.sip_packets import START

from zt.honeynet.honeypot.lure.marks import SLOT, Marks, Spelling, Verdict

SOURCE = came("")
LIFE = 60
SECOND = 1_000_000


def marks(spelling: Spelling = "hex", secret: bytes = SECRET) -> Marks:
    return Marks(secret, LIFE, spelling)


@pytest.mark.parametrize("spelling", ["hex", "base64"])
def test_a_nonce_holds_for_its_life_and_is_stale_then(spelling: Spelling) -> None:
    made = marks(spelling)
    nonce = made.nonce(SOURCE, START).encode()
    for seconds, verdict in (
        (0, Verdict.GOOD),
        (LIFE, Verdict.GOOD),
        (LIFE + 21, Verdict.STALE),
        (86_400, Verdict.STALE),
    ):
        assert made.verdict(nonce, SOURCE, START + seconds * SECOND) is verdict


def test_a_nonce_is_foreign_to_all_that_it_is_not_bound_to() -> None:
    nonce = marks().nonce(SOURCE, START).encode()
    others = [
        came("", src="203.0.113.67"),
        came("", transport="TCP"),
        came("", src="2001:db8::66"),
    ]
    assert all(marks().verdict(nonce, other, START) is Verdict.FOREIGN for other in others)
    assert marks(secret=SECRET[::-1]).verdict(nonce, SOURCE, START) is Verdict.FOREIGN


def test_a_nat_may_change_the_port() -> None:
    moved = came("")
    moved.src_port = 40_000
    assert marks().verdict(marks().nonce(SOURCE, START).encode(), moved, START) is Verdict.GOOD


def test_a_nonce_from_the_future_is_foreign() -> None:
    nonce = marks().nonce(SOURCE, START + 2 * SLOT).encode()
    assert marks().verdict(nonce, SOURCE, START) is Verdict.FOREIGN


def test_a_nonce_is_foreign_when_its_number_comes_round_again() -> None:
    nonce = marks().nonce(SOURCE, START).encode()
    again = START + (1 << 16) * SLOT
    assert marks().verdict(nonce, SOURCE, again) is Verdict.FOREIGN


@pytest.mark.parametrize("spelling", ["hex", "base64"])
def test_no_changed_bit_passes(spelling: Spelling) -> None:
    made = marks(spelling)
    nonce = made.nonce(SOURCE, START)
    raw = bytes.fromhex(nonce) if spelling == "hex" else base64.b64decode(nonce)
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        text = changed.hex() if spelling == "hex" else base64.b64encode(changed).decode()
        assert made.verdict(text.encode(), SOURCE, START) is Verdict.FOREIGN


@given(st.binary(max_size=64), st.sampled_from(["hex", "base64"]))
def test_nothing_made_up_passes_or_raises(noise: bytes, spelling: Spelling) -> None:
    assert marks(spelling).verdict(noise, SOURCE, START) is Verdict.FOREIGN


def test_a_tag_hangs_on_the_dialog_and_its_place() -> None:
    made = marks()
    tag = made.tag(SOURCE, b"call", "from")
    moved = came("")
    moved.src_port += 1
    others = {
        made.tag(SOURCE, b"calls", "from"),
        made.tag(SOURCE, b"call", "froms"),
        made.tag(SOURCE, b"callf", "rom"),
        made.tag(moved, b"call", "from"),
        marks(secret=SECRET[::-1]).tag(SOURCE, b"call", "from"),
    }
    assert tag == made.tag(SOURCE, b"call", "from")
    assert len(others - {tag}) == 5


def test_weak_secrets_and_odd_lives_are_refused() -> None:
    with pytest.raises(ValueError, match="secret"):
        Marks(b"short", LIFE)
    for life in (0, 86_401):
        with pytest.raises(ValueError, match="lives"):
            Marks(SECRET, life)
