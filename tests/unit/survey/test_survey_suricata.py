"""Profiles for Suricata's EVE records: a busy hour, and a sample with odd ones of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from support import eve
from support.leaks import SHORTEST, leaked
from support.surveys import judgement, lines_of, loaded, pass_through, suggested_text

from keys import Ring
from zt.profile import load_profile
from zt.survey import explain

SAMPLE = Path(__file__).parents[2] / "support" / "samples" / "eve.ndjson"

JUDGEMENT = {
    "timestamp": "clear time",
    "event_type": "clear",
    "proto": "clear",
    "app_proto": "clear",
    "flow_id": "det",
    "in_iface": "opaque",
    "pkt_src": "opaque",
    "src_ip": "ip address net",
    "src_port": "opaque",
    "dest_ip": "ip address net",
    "dest_port": "clear number",
    "alert.action": "clear",
    "alert.category": "opaque",  # words with spaces may be names
    "alert.gid": "det",
    "alert.rev": "opaque",
    "alert.severity": "clear number",
    "alert.signature": "det rule gram",  # own rules name own hosts
    "alert.signature_id": "det",
    "payload_printable": "opaque",
    "dns.answers": "opaque",
    "dns.flags": "opaque",
    "dns.grouped.A": "ip address net",
    "dns.id": "det",
    "dns.qr": "opaque",
    "dns.rcode": "clear",
    "dns.rrname": "det host gram",
    "dns.rrtype": "clear",
    "dns.type": "clear",
    "dns.version": "opaque",
    "http.authorization": "drop",
    "http.hostname": "det host gram",
    "http.http_content_type": "clear",
    "http.http_method": "clear",
    "http.http_refer": "det url gram",
    "http.http_user_agent": "det user-agent gram",
    "http.length": "coarsen number",
    "http.protocol": "clear",
    "http.status": "clear number",
    "http.url": "det url gram",
    "http.xff": "ip address net",
    "tls.fingerprint": "det hash",
    "tls.issuerdn": "opaque",
    "tls.ja3.hash": "det hash",
    "tls.ja3.string": "opaque",
    "tls.notafter": "coarsen time",
    "tls.notbefore": "coarsen time",
    "tls.serial": "det",
    "tls.sni": "det host gram",
    "tls.subject": "opaque",
    "tls.version": "clear",
    "flow.age": "coarsen number",
    "flow.alerted": "opaque",
    "flow.bytes_toserver": "coarsen number",
    "flow.pkts_toserver": "clear number",
    "flow.reason": "opaque",
    "flow.start": "coarsen time",
    "flow.state": "clear",
    "sip.method": "clear",
    "sip.request_line": "det url gram",
    "sip.uri": "uri sip.identity gram",
    "sip.version": "opaque",
    "ssh.client.hassh.hash": "det hash",
    "ssh.client.hassh.string": "opaque",
    "ssh.client.proto_version": "opaque",
    "ssh.client.software_version": "det user-agent gram",
    "fileinfo.filename": "det file gram",
    "fileinfo.gaps": "opaque",
    "fileinfo.magic": "opaque",
    "fileinfo.sha256": "det hash",
    "fileinfo.size": "coarsen number",
    "fileinfo.state": "clear",
    "fileinfo.stored": "opaque",
}


def test_each_field_is_judged() -> None:
    profile = loaded(suggested_text(lines_of(eve.records())))
    assert judgement(profile, JUDGEMENT) == JUDGEMENT
    assert profile.time == "timestamp"


def test_no_identity_is_in_clear_and_the_rest_comes_back(shared_ring: Ring) -> None:
    events = eve.records()
    profile = loaded(suggested_text(lines_of(events)))
    passed = pass_through(shared_ring, profile, lines_of(events))
    assert b"s3cret" in b"".join(lines_of(events))
    assert b"s3cret" not in passed.wire
    assert not leaked([text for text in eve.IDENTITIES if len(text) >= SHORTEST], passed.wire)
    for event in events:
        event.get("http", {}).pop("authorization", None)
    assert passed.events == events
    assert explain(lines_of(events), profile).alarms == 0


def test_a_sample_with_odd_records(shared_ring: Ring) -> None:
    """Few records of each kind, with wrong types, lists for texts, and secrets in arrays."""
    lines = SAMPLE.read_bytes().splitlines(keepends=True)
    profile = loaded(suggested_text(lines))
    core = ("timestamp", "event_type", "src_ip", "dest_ip", "http.url", "sip.uri", "flow_id")
    assert judgement(profile, core) == {path: JUDGEMENT[path] for path in core}
    passed = pass_through(shared_ring, profile, lines)
    assert passed.rejected == []
    plain = b"".join(lines)
    for needle in (b"alice", b"example.org", b"192.0.2.", b"203.0.113.", b"2001:db8", b"s3cret"):
        assert needle in plain
        assert needle not in passed.wire


def test_identities_within_clear_texts_are_found() -> None:
    """The preset shows alert.signature, which names hosts where rules are the customer's own."""
    lines = lines_of(eve.records())
    found = {f.path: f for f in explain(lines, load_profile("suricata-eve")).fields}
    assert found["alert.signature"].level == "alarm"
    assert "50 texts that name somebody" in found["alert.signature"].verdict
    assert found["src_ip"].level == "ok"
    assert found["src_subnet"].derived_from == "subnet of src_ip"
    assert {path for path, field in found.items() if field.level == "alarm"} == {"alert.signature"}


def test_values_that_do_not_fit_are_counted() -> None:
    lines = SAMPLE.read_bytes().splitlines(keepends=True)
    found = {f.path: f for f in explain(lines, load_profile("suricata-eve")).fields}
    events: list[dict[str, Any]] = [msgspec.json.decode(line) for line in lines]
    odd = [e for e in events if not isinstance(e.get("src_ip", ""), str)]
    assert 0 < len(odd) <= found["src_ip"].figures.unfit < 6
    assert "fall back to det" in found["src_ip"].verdict
