"""TCP connections: segments as networks and attackers send them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.capture_streams import ACK, FIN, RST, SYN, UPGRADE, UPGRADED, frame, segment
from support.sip_packets import PHONE, SERVER, answer, ask, ipv4, packed

from zt.sip import Datagram
from zt.sip.capture import CaptureLimits, Decoder, Frame

FIRST = ask("INVITE", n=1).encode()
SECOND = ask("BYE", n=2).encode()
ANSWER = answer(ask("INVITE", n=1), 200).encode()
TLS = b"\x16\x03\x01\x02\x00" + bytes(200)
SECOND_OF_TIME = 1_000_000


class Talk:
    """A connection between PHONE and SERVER, segment by segment; `found` is what came of it."""

    def __init__(
        self,
        decoder: Decoder | None = None,
        *,
        client_isn: int = 1_000,
        server_isn: int = 70_000,
        port: int = 40_000,
        client: str = PHONE,
    ) -> None:
        self.decoder = decoder or Decoder()
        self.found: list[Datagram] = []
        self.time = 0
        self.port = port
        self.addresses = packed(client), packed(SERVER)
        self.client, self.server = client_isn, server_isn  # next sequence numbers

    def send(
        self,
        sequence: int,
        acknowledged: int,
        flags: int,
        data: bytes = b"",
        *,
        server: bool = False,
        captured: int | None = None,
    ) -> None:
        ports = (5060, self.port) if server else (self.port, 5060)
        packet = bytearray(ipv4(segment(*ports, sequence, acknowledged, flags, data), protocol=6))
        src, dst = reversed(self.addresses) if server else self.addresses
        packet[12:20] = src + dst
        data = bytes(packet if captured is None else packet[:captured])
        self.found += self.decoder.feed(Frame(self.time, 101, data, captured is not None))
        self.time += 1_000

    def open(self) -> Talk:
        self.send(self.client, 0, SYN)
        self.send(self.server, self.client + 1, SYN | ACK, server=True)
        self.client += 1
        self.server += 1
        self.send(self.client, self.server, ACK)
        return self

    def say(self, data: bytes, flags: int = ACK) -> None:
        """Data of the client, in order."""
        self.send(self.client, self.server, flags, data)
        self.client += len(data) + bool(flags & FIN)

    def hear(self, data: bytes, flags: int = ACK) -> None:
        """Data of the server, in order; empty data acknowledge what came."""
        self.send(self.server, self.client, flags, data, server=True)
        self.server += len(data) + bool(flags & FIN)

    def lose(self, data: bytes) -> None:
        """Data of the client that nobody captured."""
        self.client += len(data)

    def messages(self) -> list[bytes]:
        return [one.payload for one in self.found]


def counts(talk: Talk) -> dict[str, int]:
    counters = talk.decoder.counters
    return {name: getattr(counters, name) for name in counters.__slots__ if name[:3] == "tcp"}


def test_a_connection_from_its_beginning_to_its_end() -> None:
    talk = Talk().open()
    talk.say(FIRST[:100])
    talk.say(FIRST[100:] + SECOND)
    talk.hear(ANSWER)
    talk.say(b"", FIN | ACK)
    talk.hear(b"", FIN | ACK)
    talk.say(b"")
    assert talk.messages() == [FIRST, SECOND, ANSWER]
    assert all(one.connected and one.transport == "TCP" for one in talk.found)
    assert [one.src_port for one in talk.found] == [40_000, 40_000, 5060]
    assert talk.decoder.held == 0
    assert talk.decoder.counters.carried == 2


def test_a_message_has_the_time_of_its_last_byte() -> None:
    talk = Talk().open()
    talk.say(FIRST[:100])
    talk.time = 7 * SECOND_OF_TIME
    talk.say(FIRST[100:])
    assert [one.time for one in talk.found] == [7 * SECOND_OF_TIME]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_segments_come_in_any_order(order: Sequence[int]) -> None:
    talk = Talk().open()
    data = FIRST + SECOND
    step = len(data) // 4 + 1
    for number in order:
        at = number * step
        talk.send(talk.client + at, talk.server, ACK, data[at : at + step])
    assert talk.messages() == [FIRST, SECOND]


@pytest.mark.parametrize("isn", [0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFF00, 0x7FFFFFFF])
def test_sequence_numbers_wrap_around(isn: int) -> None:
    talk = Talk(client_isn=isn, server_isn=isn - 3).open()
    for _ in range(4):
        talk.say(FIRST[:200])
        talk.say(FIRST[200:])
        talk.hear(ANSWER)
        talk.time += SECOND_OF_TIME
    assert talk.messages() == [FIRST, ANSWER] * 4
    assert all(one.connected for one in talk.found)


def test_retransmissions_and_keep_alive_probes_bring_nothing_new() -> None:
    talk = Talk().open()
    talk.say(FIRST[:100])
    talk.send(talk.client - 100, talk.server, ACK, FIRST[:100])
    talk.send(talk.client - 50, talk.server, ACK, FIRST[50:200])  # some of it is new
    talk.client += 100
    talk.say(FIRST[200:])
    talk.send(talk.client - 1, talk.server, ACK, b"\x00")
    talk.send(talk.client - len(FIRST), talk.server, ACK, FIRST)
    talk.say(SECOND)
    assert talk.messages() == [FIRST, SECOND]
    assert counts(talk)["tcp_gaps"] == 0


def test_what_came_first_counts_where_segments_overlap() -> None:
    talk = Talk().open()
    talk.say(FIRST[:300])
    talk.send(talk.client - 200, talk.server, ACK, b"x" * 200 + FIRST[300:400])
    talk.client += 100
    talk.say(FIRST[400:])
    assert talk.messages() == [FIRST]


def test_lost_bytes_cut_one_message_once_the_receiver_has_them() -> None:
    talk = Talk().open()
    talk.say(FIRST[:300])
    talk.lose(FIRST[300:])
    talk.say(SECOND)
    assert talk.messages() == []
    talk.hear(b"")
    talk.time += 2 * SECOND_OF_TIME
    talk.hear(ANSWER)
    assert talk.messages() == [FIRST[:300], SECOND, ANSWER]
    assert [one.cut for one in talk.found] == [True, False, False]
    assert counts(talk)["tcp_gaps"] == 1


def test_the_end_of_the_capture_gives_up_what_is_missing() -> None:
    talk = Talk().open()
    talk.lose(FIRST)
    talk.say(SECOND)
    talk.hear(b"")
    assert [one.payload for one in talk.decoder.finish()] == [SECOND]


def test_silence_gives_up_what_is_missing() -> None:
    talk = Talk().open()
    talk.lose(FIRST)
    talk.say(SECOND)
    talk.hear(b"")
    assert talk.decoder.expire(talk.time) == []
    assert [one.payload for one in talk.decoder.expire(3 * SECOND_OF_TIME)] == [SECOND]


def test_what_nobody_acknowledges_is_not_read_past_a_gap() -> None:
    """Who can't see the connection may send into its window, but not be answered."""
    talk = Talk().open()
    talk.say(FIRST)
    talk.hear(ANSWER)
    talk.send(talk.client + 5_000, talk.server, ACK, ask("REGISTER", user="mallory").encode())
    talk.time += 60 * SECOND_OF_TIME
    talk.say(SECOND)
    talk.hear(b"")
    assert talk.messages() == [FIRST, ANSWER, SECOND]
    assert talk.decoder.finish() == []


@pytest.mark.parametrize("distance", [2_000_000, -2_000_000, 1 << 31])
def test_what_is_far_out_of_the_window_is_not_believed(distance: int) -> None:
    talk = Talk().open()
    talk.say(FIRST)
    talk.send(talk.client + distance, talk.server, ACK, ask("REGISTER").encode())
    talk.send(talk.client + distance, talk.server, RST)
    talk.send(talk.server + distance, talk.client + 900_000, ACK, server=True)
    talk.say(SECOND)
    assert talk.messages() == [FIRST, SECOND]


@pytest.mark.parametrize("flags", [RST, SYN])
def test_a_blind_reset_or_syn_ends_nothing(flags: int) -> None:
    talk = Talk().open()
    talk.say(FIRST[:200])
    talk.send(talk.client + 77, 0, flags)
    talk.say(FIRST[200:])
    assert talk.messages() == [FIRST]
    assert talk.found[0].connected


def test_a_true_reset_ends_the_connection() -> None:
    talk = Talk().open()
    talk.say(FIRST + b"INVITE sip:half")
    assert talk.decoder.held > 0
    talk.send(talk.client, talk.server, RST)
    assert talk.decoder.held == 0


def test_a_four_tuple_is_used_again() -> None:
    talk = Talk().open()
    talk.say(FIRST + b"INVITE sip:half")
    again = Talk(talk.decoder, client_isn=9_999_999, server_isn=5).open()
    again.say(SECOND)
    again.hear(ANSWER)
    assert again.messages() == [SECOND, ANSWER]
    assert all(one.connected for one in again.found)


def test_the_middle_of_a_connection_is_taken_up_at_a_start_line() -> None:
    talk = Talk()
    talk.say(FIRST[100:])
    talk.say(SECOND[:20])
    talk.say(SECOND[20:])
    talk.say(FIRST)
    talk.hear(ANSWER[30:] + ANSWER)
    talk.time += SECOND_OF_TIME
    talk.say(SECOND)
    # The first BYE had begun with half a start line.
    assert talk.messages() == [FIRST, ANSWER, SECOND]
    assert [one.connected for one in talk.found] == [False, True, True]


def test_one_direction_alone_is_read_but_proves_nothing() -> None:
    talk = Talk()
    talk.send(talk.client, 0, SYN)
    talk.client += 1
    talk.say(FIRST[:9])
    talk.say(FIRST[9:])
    talk.lose(b"x" * 50)
    talk.say(SECOND)
    talk.time += 2 * SECOND_OF_TIME
    talk.say(FIRST)
    assert talk.messages() == [FIRST, SECOND, FIRST]
    assert not any(one.connected for one in talk.found)


@pytest.mark.parametrize("reaction", [SYN | ACK, RST | ACK, ACK])
def test_who_sends_from_anothers_address_is_not_connected(reaction: int) -> None:
    """The server's answers go to the true owner: their numbers have to be guessed."""
    talk = Talk()
    talk.send(talk.client, 0, SYN)
    talk.send(talk.server, talk.client + 1, reaction, server=True)
    talk.client += 1
    talk.server = 4_711  # a guess
    talk.say(FIRST)
    talk.send(talk.client - 5_000, 0, RST | ACK, server=True)
    talk.say(SECOND)
    assert talk.messages() == [FIRST, SECOND]
    assert not any(one.connected for one in talk.found)


def test_acknowledged_data_prove_a_connection_without_its_handshake() -> None:
    talk = Talk()
    talk.say(FIRST)
    talk.hear(b"")
    talk.say(SECOND)
    assert [one.connected for one in talk.found] == [False, True]


def test_a_reset_is_no_acknowledgement() -> None:
    talk = Talk()
    talk.say(FIRST)
    talk.hear(b"", RST | ACK)
    talk.say(SECOND)
    assert not any(one.connected for one in talk.found)


def test_after_an_outage_of_the_capture_reading_goes_on() -> None:
    talk = Talk().open()
    talk.say(FIRST[:100])
    talk.client += 50_000_000
    talk.server += 50_000_000
    talk.time += 60 * SECOND_OF_TIME
    talk.say(SECOND)
    talk.hear(ANSWER)
    assert talk.messages() == [SECOND, ANSWER]


@pytest.mark.parametrize("captured", [20 + 20, 20 + 20 + 150, 20 + 20 + len(FIRST) - 1])
def test_a_segment_cut_by_the_snap_length_cuts_its_message(captured: int) -> None:
    talk = Talk().open()
    talk.send(talk.client, talk.server, ACK, FIRST, captured=captured)
    talk.client += len(FIRST)
    talk.say(SECOND)
    talk.hear(b"")
    talk.found += talk.decoder.finish()
    rest = FIRST[: captured - 40]
    assert talk.messages() == ([rest] if rest else []) + [SECOND]
    assert all(one.cut == (one.payload == rest) for one in talk.found)


@pytest.mark.parametrize("middle", [True, False])
def test_websocket_upgraded_or_from_the_middle(middle: bool) -> None:
    talk = Talk()
    if not middle:
        talk.open()
        talk.say(UPGRADE)
        talk.hear(UPGRADED)
    talk.hear(frame(ANSWER, masked=False))
    talk.say(frame(FIRST, masked=True))
    talk.say(frame(SECOND, masked=True)[:50])
    talk.say(frame(SECOND, masked=True)[50:])
    assert talk.messages() == [ANSWER, FIRST, SECOND]
    assert {one.transport for one in talk.found} == {"WS"}


@pytest.mark.parametrize("first", [TLS, b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_a_connection_that_speaks_something_else_is_dropped_at_once(first: bytes) -> None:
    talk = Talk().open()
    talk.say(first)
    talk.hear(TLS)
    talk.say(TLS)
    assert talk.found == []
    assert talk.decoder.held == 0
    assert counts(talk)["tcp_foreign"] == 3


def test_every_segment_is_counted_once() -> None:
    talk = Talk().open()
    for data in (FIRST[:50], FIRST[50:], b"\r\n\r\n", SECOND + SECOND):
        talk.say(data)
        talk.hear(b"")
    counters = talk.decoder.counters
    assert counters.frames == 11
    assert (counters.carried, counters.tcp_kept, counters.tcp_without_data) == (2, 2, 7)


def test_half_open_connections_are_bounded_and_do_not_push_out_open_ones() -> None:
    decoder = Decoder(CaptureLimits(handshakes=100, connections=100))
    talk = Talk(decoder).open()
    talk.say(FIRST[:100])
    for number in range(5_000):
        Talk(decoder, port=1_024 + number, client="192.0.2.9").send(number, 0, SYN)
    talk.say(FIRST[100:])
    assert talk.messages() == [FIRST]
    assert talk.found[0].connected


def test_who_opens_connections_without_end_pushes_out_his_own() -> None:
    decoder = Decoder(CaptureLimits(connections=80))
    talk = Talk(decoder).open()
    talk.say(FIRST[:100])
    for number in range(1_000):
        flood = Talk(decoder, port=10_000 + number, client="192.0.2.9").open()
        flood.say(b"INVITE sip:half")
    assert decoder.counters.tcp_evicted == 990
    talk.say(FIRST[100:])
    assert talk.messages() == [FIRST]


def test_streams_are_bounded_in_bytes() -> None:
    decoder = Decoder(CaptureLimits(stream_bytes=4_000_000))
    for number in range(300):
        talk = Talk(decoder, port=10_000 + number, client=f"10.0.0.{number % 200}").open()
        talk.say(FIRST[:-4] + b"\r\nX: ")
        for _ in range(30):
            talk.say(b"x" * 1_400)
        for hole in range(1, 100):  # and segments that wait for others
            talk.send(talk.client + hole * 2_000, talk.server, ACK, b"y" * 1_400)
        assert decoder.held <= 4_000_000
    assert decoder.counters.tcp_evicted > 200


def test_one_connection_is_bounded_whatever_waits_in_it() -> None:
    talk = Talk().open()
    talk.say(b"INVITE sip:half")
    for hole in range(1, 20_000):
        talk.send(talk.client + hole * 2 % 900_000, talk.server, ACK, b"y")
    assert talk.decoder.held < 250_000
    assert counts(talk)["tcp_evicted"] == 0


def test_silent_connections_are_forgotten() -> None:
    talk = Talk().open()
    talk.say(FIRST[:100])
    talk.decoder.expire(1_000 * SECOND_OF_TIME)
    assert talk.decoder.held > 0
    talk.decoder.expire(2_000 * SECOND_OF_TIME)
    assert talk.decoder.held == 0


def test_a_header_that_contradicts_itself_is_malformed() -> None:
    for data in (b"\x00" * 20, segment(1, 2, 3, 4, ACK)[:12] + b"\xf0" + bytes(7), bytes(7)):
        decoder = Decoder()
        assert decoder.feed(Frame(0, 101, ipv4(data, protocol=6), False)) == []
        assert decoder.counters.malformed == 1


@given(st.integers(8, 80), st.integers(0, 1 << 30), st.integers(0, 0xFFFFFFFF))
def test_any_cut_order_and_repetition_gives_the_messages(size: int, seed: int, isn: int) -> None:
    chance = random.Random(seed)
    talk = Talk(client_isn=isn).open()
    data = FIRST + b"\r\n\r\n" + SECOND
    parts = [(at, data[at : at + size + chance.randrange(9)]) for at in range(0, len(data), size)]
    parts += chance.choices(parts, k=5)
    chance.shuffle(parts)
    for at, part in parts:
        talk.send(talk.client + at, talk.server, ACK, part)
    assert talk.messages() == [FIRST, SECOND]


def hostile(seed: int) -> Iterable[tuple[int, int, int, bytes, bool]]:
    chance = random.Random(seed)
    near = [1_000, 1_001, 1_400, 70_000, 70_001, 900_000, 0xFFFFFFFF, 1 << 31]
    pieces = [b"", b"x", FIRST, SECOND[:80], SECOND[80:], ANSWER, TLS, UPGRADE, UPGRADED]
    pieces += [frame(FIRST, masked=True), frame(ANSWER, masked=False)[:70]]
    for _ in range(120):
        yield (
            chance.choice(near) + chance.randrange(3),
            chance.choice(near) + chance.randrange(3),
            chance.choice([ACK, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST, chance.randrange(256)]),
            chance.choice(pieces),
            chance.random() < 0.5,
        )


@given(st.integers(0, 1 << 62))
def test_any_segments_raise_nothing_and_are_counted_once(seed: int) -> None:
    talk = Talk()
    for sequence, acknowledged, flags, data, server in hostile(seed):
        talk.send(sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, flags, data, server=server)
        talk.time += seed % 3 * 500_000
    talk.decoder.finish()
    counters = talk.decoder.counters
    assert counters.frames == 120
    assert (
        counters.carried
        + counters.duplicates
        + sum((counters.tcp_without_data, counters.tcp_foreign, counters.tcp_kept))
        == 120
    )
    assert talk.decoder.held < 400_000
