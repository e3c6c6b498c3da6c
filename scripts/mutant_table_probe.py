"""The mutants of the probe: what protects it from hostile traffic."""

from __future__ import annotations

from scripts.mutant import Mutant

PROBE = "tests/unit/sip/test_sip"

PROBE_MUTANTS = (
    # --- capture
    Mutant(
        "a fragment may say other bytes than one before",
        "zt/sip/capture/fragments.py",
        {"return pieces[at] == (size, data)": "return True"},
        (f"{PROBE}_capture_fragments.py",),
    ),
    Mutant(
        "a fragment may overlap the one before it",
        "zt/sip/capture/fragments.py",
        {"and offsets[at - 1] + pieces[at - 1][0] > offset": "and False"},
        (f"{PROBE}_capture_fragments.py",),
    ),
    Mutant(
        "a fragment may overlap the one behind it",
        "zt/sip/capture/fragments.py",
        {"        if offset + size > offsets[at]:\n            return False": "        pass"},
        (f"{PROBE}_capture_fragments.py",),
    ),
    Mutant(
        "fragments may make more than a packet",
        "zt/sip/capture/fragments.py",
        {"if size <= 0 or stop > _MAX_PACKET:": "if size <= 0:"},
        (f"{PROBE}_capture_fragments.py",),
    ),
    Mutant(
        "one sender may have all the room for fragments",
        "zt/sip/capture/shares.py",
        {"if len(held.keys) > self._owner_entries:": "if False:"},
        (
            f"{PROBE}_capture_fragments.py",
            f"{PROBE}_capture_tcp.py",
        ),
    ),
    Mutant(
        "a host of a /64 is as many senders as it likes",
        "zt/sip/capture/shares.py",
        {"return address if len(address) == 4 else address[:8]": "return address"},
        (
            f"{PROBE}_capture_fragments.py",
            f"{PROBE}_capture_tcp.py",
        ),
    ),
    Mutant(
        "an acknowledgement that was guessed makes a connection",
        "zt/sip/capture/tcp/handshakes.py",
        {"and segment.acknowledgement == begun.server_next": "and True"},
        (f"{PROBE}_capture_tcp.py",),
    ),
    Mutant(
        "blind segments move a stream",
        "zt/sip/capture/tcp/flow.py",
        {" if -WINDOW <= offset <= ahead + WINDOW else None": ""},
        (f"{PROBE}_capture_tcp.py",),
    ),
    Mutant(
        "a gap makes a stream grow without end",
        "zt/sip/capture/tcp/flow.py",
        {"full = len(self._pending) >= _MAX_PENDING or": "full = False and"},
        (f"{PROBE}_capture_tcp.py",),
    ),
    Mutant(
        "a Content-Length is believed however large it is",
        "zt/sip/capture/tcp/framing.py",
        {"if length is None or end + length > MAX_MESSAGE:": "if length is None:"},
        (f"{PROBE}_capture_framing.py",),
    ),
    Mutant(
        "a message over WebSocket grows without end",
        "zt/sip/capture/tcp/websocket.py",
        {"usable = usable and len(self._message) + length <= MAX_MESSAGE": "pass"},
        (f"{PROBE}_capture_websocket.py",),
    ),
    Mutant(
        "a repetition after a while passes for a copy",
        "zt/sip/capture/duplicates.py",
        {
            "before is not None and -self._window <= time - before <= self._window": (
                "before is not None"
            )
        },
        (f"{PROBE}_capture_duplicates.py",),
    ),
    # --- live and HEP
    Mutant(
        "the key of HEP messages is not looked at",
        "zt/sip/hep/decoder.py",
        {"if self._key and not hmac.compare_digest(self._key, content.key):": "if False:"},
        (f"{PROBE}_hep.py",),
    ),
    Mutant(
        "the key of HEP shows itself",
        "zt/sip/hep/settings.py",
        {'field(default=b"", repr=False)': 'field(default=b"")'},
        (f"{PROBE}_hep.py",),
    ),
    Mutant(
        "a compressed HEP payload grows without end",
        "zt/sip/hep/v3.py",
        {
            "inflater.decompress(data, MAX_PAYLOAD + 1)": "inflater.decompress(data)",
            "    if len(inflated) > MAX_PAYLOAD:": "    if False:",
        },
        (f"{PROBE}_hep.py",),
    ),
    Mutant(
        "an agent's clock moves the probe's",
        "zt/sip/hep/decoder.py",
        {"if -self._ahead <= arrival - time <= self._behind:": "if arrival:"},
        (f"{PROBE}_hep.py",),
    ),
    Mutant(
        "a UDP sender is proven by what its message says",
        "zt/sip/hep/transports.py",
        {
            "    if protocol == _UDP:": "    if False:",
            "if protocol in _MAY_BE_WEBSOCKET and (": "if (",
        },
        (f"{PROBE}_hep.py",),
    ),
    Mutant(
        "a HEP message may have chunks without end",
        "zt/sip/hep/v3.py",
        {"_MAX_CHUNKS = 256": "_MAX_CHUNKS = 65_536"},
        (f"{PROBE}_hep.py",),
    ),
    Mutant(
        "a HEP stream out of step goes on",
        "zt/sip/hep/framing.py",
        {"self.broken = self.broken or not _may_begin(rest)": "self.broken = False"},
        (f"{PROBE}_hep.py",),
    ),
    Mutant(
        "strangers may send HEP datagrams",
        "zt/sip/hep/source.py",
        {"            if self._agents and not": "            if False and not"},
        (f"{PROBE}_hep_source.py",),
    ),
    Mutant(
        "strangers may open HEP connections",
        "zt/sip/hep/source.py",
        {"\n        if self._agents and not": "\n        if False and not"},
        (f"{PROBE}_hep_source.py",),
    ),
    Mutant(
        "HEP connections have no bound",
        "zt/sip/hep/connections.py",
        {"        return len(self._open) >= self._limit": "        return False"},
        (f"{PROBE}_hep_source.py",),
    ),
    Mutant(
        "who sends parts of HEP messages keeps his place",
        "zt/sip/hep/source.py",
        {"        if messages:\n            self._con": "        if True:\n            self._con"},
        (f"{PROBE}_hep_source.py",),
    ),
    Mutant(
        "the kernel's filter drops fragments",
        "zt/sip/live/filters.py",
        {
            '(bpf.IF_ANY_BIT, 0x3FFF, otherwise=f"{name} whole")': (
                '(bpf.IF_ANY_BIT, 0, otherwise=f"{name} whole")'
            )
        },
        (f"{PROBE}_live_filters.py",),
    ),
    Mutant(
        "IPv6 extension headers hide SIP from the kernel's filter",
        "zt/sip/live/filters.py",
        {
            'extended")\n    program.add(bpf.RETURN, SNAP_LENGTH)': (
                'extended")\n    program.add(bpf.RETURN, 0)'
            )
        },
        (f"{PROBE}_live_filters.py",),
    ),
    Mutant(
        "no ports means all ports",
        "zt/sip/live/filters.py",
        {"    if not found:": "    if False:"},
        (f"{PROBE}_live_filters.py",),
    ),
    Mutant(
        "frames of several interfaces wait without bound",
        "zt/sip/live/merging.py",
        {"ready = max(ready, len(self._frames) - _MOST)": "ready = max(ready, 0)"},
        (f"{PROBE}_live_merging.py",),
    ),
    # --- rules
    Mutant(
        "the probe proves an address to every server at once",
        "zt/sip/proofs.py",
        {
            "self._proven.put((client, server), None, now)": (
                'self._proven.put((client, b""), None, now)'
            ),
            "return (client, server) in self._proven": 'return (client, b"") in self._proven',
        },
        (f"{PROBE}_proofs.py",),
    ),
    Mutant(
        "the probe takes a tag for proof that another address was given",
        "zt/sip/rules.py",
        {" and call.subject.ends.client == client and call.by": " and call.by"},
        (f"{PROBE}_proofs.py",),
    ),
    Mutant(
        "the probe takes a callee's request for proof of its address",
        "zt/sip/rules.py",
        {" and call.subject.ends.client == client and call.by_caller(message)": ""},
        (f"{PROBE}_proofs.py",),
    ),
    Mutant(
        "the probe believes an answer from an address that was not asked",
        "zt/sip/rules.py",
        {"        honest = datagram.src == invite.ends.server\n": "        honest = True\n"},
        (f"{PROBE}_proofs.py",),
    ),
    Mutant(
        "the probe counts no guess with a nonce that nobody gave out",
        "zt/sip/auth.py",
        {"return challenged if _made_up(transaction, challenged) else None": "return None"},
        (f"{PROBE}_registrations.py",),
    ),
    Mutant(
        "a forged flood pushes proven clients out of the probe's transactions",
        "zt/sip/transactions.py",
        {"        room = self._rooms[proven]\n": "        room = self._rooms[False]\n"},
        (f"{PROBE}_calls.py",),
    ),
    Mutant(
        "a forged flood pushes established calls out of the probe",
        "zt/sip/calls.py",
        {"        self._open.confirm(call.dialog)\n": "        return\n"},
        (f"{PROBE}_calls.py",),
    ),
    Mutant(
        "a forged flood pushes proven phones out of the probe's bindings",
        "zt/sip/registrations.py",
        {"deadline, confirmed=transaction.proven)": "deadline, confirmed=False)"},
        (f"{PROBE}_registrations.py",),
    ),
    Mutant(
        "the probe holds as many bytes of requests as senders like",
        "zt/sip/transactions.py",
        {"            or invite.weight + bye.weight + request.weight >= weight\n": ""},
        (f"{PROBE}_outcomes.py",),
    ),
    Mutant(
        "a flood of requests passes as keep-alives",
        "zt/sip/keepalives.py",
        {" or started - before[1] < self._fastest": ""},
        (f"{PROBE}_keepalives.py",),
    ),
    Mutant(
        "an invented tag hides a call from the probe for ever",
        "zt/sip/rules.py",
        {" and time < self._began + self._running_until:": ":"},
        (f"{PROBE}_calls.py",),
    ),
    Mutant(
        "an ACK with an invented tag starts a call",
        "zt/sip/rules.py",
        {" and (not invite.ringing or self._calls.find_early(ack)):": ":"},
        (f"{PROBE}_calls.py",),
    ),
)
