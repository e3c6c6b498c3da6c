"""The mutants of the honeypot: what keeps it from being turned against others, or stopped."""

from __future__ import annotations

from scripts.mutant import Mutant

LISTEN = "tests/unit/honeynet/test_honeypot_listen"
HONEYPOT = "zt/honeynet/honeypot/listen"

HONEYPOT_MUTANTS = (
    # --- whom it answers, and with how much
    Mutant(
        "a honeypot answers a made-up source with more than it sent",
        f"{HONEYPOT}/desk.py",
        {"if len(reply.payload) <= size": "if True"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot answers a made-up source by several datagrams",
        f"{HONEYPOT}/desk.py",
        {"in replies[:1]": "in replies"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot sends late replies to a made-up source",
        f"{HONEYPOT}/desk.py",
        {"if not self._trust.holds(request):": "if False:"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot takes anybody's nonce for a proof",
        f"{HONEYPOT}/trust.py",
        {"if (request.src, request.dst, one.nonce) in self._given:": "if one.nonce:"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot takes a nonce for a proof that can be guessed",
        f"{HONEYPOT}/trust.py",
        {"{16,512}": "{1,512}"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot believes a proof forever",
        f"{HONEYPOT}/trust.py",
        {"self._proofs.expire(now)": "pass"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot answers what claims to come from DNS or chargen",
        f"{HONEYPOT}/sources.py",
        {"if datagram.src_port < _LEAST_PORT:": "if False:"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot answers what claims to come from a multicast address",
        f"{HONEYPOT}/sources.py",
        {"if not _is_host(datagram.src):": "if False:"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot answers responses",
        f"{HONEYPOT}/desk.py",
        {'if message.status or payload.lstrip(b"\\r\\n")[:4].upper() == _RESPONSE:': "if False:"},
        (f"{LISTEN}.py",),
    ),
    Mutant(
        "a honeypot answers from another address than was asked",
        f"{HONEYPOT}/udp.py",
        {"_PKTINFO.pack(0, local, bytes(4))": "_PKTINFO.pack(0, bytes(4), bytes(4))"},
        (f"{LISTEN}.py",),
    ),
    # --- how fast
    Mutant(
        "a honeypot answers one source without limit",
        f"{HONEYPOT}/desk.py",
        {"if not self._sources.take(source, now):": "if False:"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot takes each address of an IPv6 network for a source of its own",
        f"{HONEYPOT}/sources.py",
        {"return address if len(address) == 4 else address[:_IPV6_SOURCE]": "return address"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a flood of made-up sources uses up what a honeypot answers to proven ones",
        f"{HONEYPOT}/desk.py",
        {"(Bucket(limits.answers), Bucket(limits.answers))": "(Bucket(limits.answers),) * 2"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot remembers the rates of any number of sources",
        f"{HONEYPOT}/buckets.py",
        {"if len(known) > self._limit:": "if False:"},
        (f"{LISTEN}_limits.py",),
    ),
    # --- what it holds
    Mutant(
        "one source fills a honeypot's place for replies that wait",
        f"{HONEYPOT}/pending.py",
        {"or of_source >= limits.pending_per_source": ""},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot does not count what replies that wait keep alive",
        f"{HONEYPOT}/pending.py",
        {"return len(reply.payload) + len(reply.request.payload)": "return len(reply.payload)"},
        (f"{LISTEN}_limits.py",),
    ),
    Mutant(
        "a honeypot holds a head of any length",
        f"{HONEYPOT}/framing.py",
        {"if end < 0 and len(buffer) <= self._max_head:": "if end < 0:"},
        (f"{LISTEN}_framing.py",),
    ),
    Mutant(
        "a honeypot waits for a body of any length",
        f"{HONEYPOT}/framing.py",
        {"if need > self._max_message:": "if False:"},
        (f"{LISTEN}_framing.py",),
    ),
    Mutant(
        "a honeypot holds what its connections do not read",
        f"{HONEYPOT}/stream.py",
        {"if len(self._out) + len(payload) > self._limits.unsent_bytes:": "if False:"},
        (f"{LISTEN}_connections.py::test_who_does_not_read_its_replies_is_ended",),
    ),
    # --- connections
    Mutant(
        "one source takes all connections of a honeypot",
        f"{HONEYPOT}/connections.py",
        {"if len(own) >= self._share:": "if False:"},
        (f"{LISTEN}_connections.py",),
    ),
    Mutant(
        "who speaks on all connections of a honeypot keeps new ones out",
        f"{HONEYPOT}/connections.py",
        {"and (not self._known or len(self._new) * _NEW_SHARE > self._places)": "and True"},
        (f"{LISTEN}_connections.py::test_who_speaks_on_all_places_does_not_keep_new_ones_out",),
    ),
    Mutant(
        "who drips a message keeps a connection of a honeypot",
        f"{HONEYPOT}/connections.py",
        {"if stream.began and now - stream.began > self._message:": "if False:"},
        (f"{LISTEN}_connections.py::test_connections_that_are_silent_or_slow_are_ended",),
    ),
    Mutant(
        "a honeypot without file descriptors spins",
        f"{HONEYPOT}/streams.py",
        {"            self._pause(opened, transport)": "            pass"},
        (f"{LISTEN}_connections.py::test_without_file_descriptors_it_waits_and_does_not_spin",),
    ),
    Mutant(
        "a honeypot without file descriptors lets the wrong connection go",
        f"{HONEYPOT}/streams.py",
        {"if number == 0:": "if True:"},
        (f"{LISTEN}_connections.py::test_without_file_descriptors_the_oldest_one_gives_way",),
    ),
    Mutant(
        "a honeypot shakes any number of hands",
        f"{HONEYPOT}/streams.py",
        {"or (is_tls and not self._handshakes.take(now))": ""},
        (f"{LISTEN}_connections.py::test_handshakes_are_limited_in_all",),
    ),
    # --- who can't record, doesn't listen
    Mutant(
        "a honeypot goes on when its events have no way",
        f"{HONEYPOT}/server.py",
        {"if isinstance(error, _EXPECTED):": "if False:"},
        (f"{LISTEN}.py::test_an_error_of_the_way_of_events_ends_the_server",),
    ),
)
