"""EVE records in the format that Suricata 7 documents, as many as a busy hour has kinds of."""

from __future__ import annotations

import random
from typing import Any

Event = dict[str, Any]

USERS = ("alice.keller", "bob.meier", "carol.nguyen", "dieter.schulz", "erika.braun")
HOSTS = tuple(f"host{n}.intern.example.org" for n in range(20))
CLIENTS = tuple(f"192.0.2.{n}" for n in range(10, 60))
SERVERS = (*(f"203.0.113.{n}" for n in range(10, 40)), "2001:db8:80::80", "2001:db8:80::81")
AGENTS = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "curl/8.5.0 (keller-laptop)", "Wget/1.21.4")
KINDS = ("alert", "dns", "http", "tls", "flow", "sip", "ssh", "fileinfo")
IDENTITIES = (*USERS, *HOSTS, *CLIENTS, *SERVERS, *AGENTS)


def records(count: int = 400, seed: int = 1) -> list[Event]:
    """So many records, the kinds in turn."""
    chance = random.Random(seed)
    return [_record(n, chance) for n in range(count)]


def _record(n: int, chance: random.Random) -> Event:
    kind = KINDS[n % len(KINDS)]
    second = f"{n // 60 % 60:02}:{n % 60:02}.{chance.randrange(10**6):06}"
    event: Event = {
        "timestamp": f"2026-01-02T03:{second}+0100",
        "flow_id": chance.randrange(10**15, 10**16),
        "in_iface": "eth1",
        "event_type": kind,
        "src_ip": chance.choice(CLIENTS),
        "src_port": chance.randrange(32768, 60999),
        "dest_ip": chance.choice(SERVERS),
        "dest_port": chance.choice([22, 53, 80, 443, 5060]),
        "proto": "UDP" if kind in ("dns", "sip") else "TCP",
        "pkt_src": "wire/pcap",
    }
    event |= globals()[f"_{kind}"](chance)
    return event


def _alert(chance: random.Random) -> Event:
    number = chance.randrange(1, 9)
    return {
        "app_proto": "http",
        "alert": {
            "action": chance.choice(["allowed", "blocked"]),
            "gid": 1,
            "signature_id": 2900100 + number,
            "rev": 3,
            "signature": f"LOCAL access to {HOSTS[number]} from outside",
            "category": "Potentially Bad Traffic",
            "severity": chance.randrange(1, 4),
        },
        "payload_printable": f"GET / HTTP/1.1\r\nHost: {chance.choice(HOSTS)}\r\n",
    }


def _dns(chance: random.Random) -> Event:
    name = chance.choice(HOSTS)
    return {
        "dns": {
            "version": 2,
            "type": "answer",
            "id": chance.randrange(2**16),
            "flags": "8180",
            "qr": True,
            "rrname": name,
            "rrtype": chance.choice(["A", "AAAA", "SRV"]),
            "rcode": chance.choice(["NOERROR", "NXDOMAIN"]),
            "answers": [{"rrname": name, "rrtype": "A", "ttl": 60, "rdata": SERVERS[0]}],
            "grouped": {"A": [SERVERS[0], chance.choice(SERVERS[:30])]},
        }
    }


def _http(chance: random.Random) -> Event:
    user = chance.choice(USERS)
    return {
        "http": {
            "hostname": chance.choice(HOSTS),
            "url": f"/people/{user}?token=s3cret{chance.randrange(10**9)}",
            "http_user_agent": chance.choice(AGENTS),
            "http_content_type": "text/html",
            "http_refer": f"https://{chance.choice(HOSTS)}/start",
            "http_method": chance.choice(["GET", "POST"]),
            "protocol": "HTTP/1.1",
            "status": chance.choice([200, 302, 404]),
            "length": chance.randrange(50_000),
            "xff": chance.choice(CLIENTS),
            "authorization": f"Basic s3cret{chance.randrange(10**9)}",
        }
    }


def _tls(chance: random.Random) -> Event:
    host = chance.choice(HOSTS)
    return {
        "tls": {
            "subject": f"CN={host}",
            "issuerdn": f"C=DE, O=Keller GmbH, CN=ca.{HOSTS[0]}",
            "serial": f"{chance.randrange(2**64):016X}",
            "fingerprint": ":".join(f"{chance.randrange(256):02x}" for _ in range(20)),
            "sni": host,
            "version": chance.choice(["TLS 1.2", "TLS 1.3"]),
            "notbefore": "2025-11-01T00:00:00",
            "notafter": "2026-11-01T00:00:00",
            "ja3": {
                "hash": f"{chance.randrange(2**128):032x}",
                "string": "771,4865-4866,0-23,29,0",
            },
        }
    }


def _flow(chance: random.Random) -> Event:
    return {
        "app_proto": "tls",
        "flow": {
            "pkts_toserver": chance.randrange(1, 2000),
            "bytes_toserver": int(10 ** chance.uniform(2, 6.2)),
            "start": "2026-01-02T03:00:00.118902+0100",
            "age": chance.randrange(600),
            "state": chance.choice(["closed", "established"]),
            "reason": "timeout",
            "alerted": False,
        },
    }


def _sip(chance: random.Random) -> Event:
    uri = f"sip:{chance.choice(USERS)}@{chance.choice(HOSTS)}"
    return {
        "sip": {
            "method": chance.choice(["INVITE", "REGISTER"]),
            "uri": uri,
            "version": "SIP/2.0",
            "request_line": f"INVITE {uri} SIP/2.0",
        }
    }


def _ssh(chance: random.Random) -> Event:
    return {
        "ssh": {
            side: {
                "proto_version": "2.0",
                "software_version": f"OpenSSH_9.{chance.randrange(9)}",
                "hassh": {"hash": f"{chance.randrange(2**128):032x}", "string": "curve25519"},
            }
            for side in ("client", "server")
        }
    }


def _fileinfo(chance: random.Random) -> Event:
    return {
        "fileinfo": {
            "filename": f"/home/{chance.choice(USERS)}/salaries.xlsx",
            "magic": "Microsoft Excel 2007+",
            "gaps": False,
            "state": chance.choice(["CLOSED", "TRUNCATED"]),
            "sha256": f"{chance.randrange(2**256):064x}",
            "stored": False,
            "size": chance.randrange(900_000),
        }
    }
