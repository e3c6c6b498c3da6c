"""What a field's name says: its role, by the words of its last segments.

Names are hints of those who named the fields, no proof: a role only proposes, and what the
values look like decides whether something may be clear. A name that nobody listed here has no
role, and its field stays hidden.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Role = Literal[
    "secret", "session", "place", "person", "agent", "user", "phone", "query", "url",
    "file", "command", "host", "id", "hash", "text", "size", "duration", "speed", "port", "status",
    "type", "count", "rule", "party", "mail",
]  # fmt: skip

_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")

EVENT_TIMES = (
    "@timestamp", "timestamp", "time", "ts", "eventtime", "event time", "datetime", "date time",
    "time iso8601", "event created",
)  # fmt: skip
"""Names of an event's own time, the likeliest first."""

# Each role: names whose last words are these. The first role that fits wins, so what must not be
# shown comes before what may be.
_ROLES: dict[Role, str] = {
    "secret": "password, passwd, pwd, passphrase, secret, secrets, authorization, cookie, cookies, "
    "cookie2, credential, credentials, api key, apikey, access token, refresh token, auth token, "
    "private key, encryption key, client key",
    "session": "session, session id, sid, sessionid, token, id token, jwt, nonce, cnonce, csrf, "
    "xsrf, otp, pin, ticket, key, salt, opaque, saml, assertion, response digest",
    "place": "lat, lon, lng, latitude, longitude, geo, location, coordinates, geohash, city, "
    "region, postal, zip, postcode, postal code, street, country, country code, longlat, lat lon, "
    "altitude, place, timezone, country iso code, country name, city name, region name",
    "person": "first name, last name, full name, fullname, display name, displayname, birthday, "
    "birth, date of birth, dob, ssn, gender, surname, given name, family name, nickname, person, "
    "iban, tax id, passport, salary, age group",
    "agent": "user agent, useragent, agent original, uas original, ua, software version, "
    "user agent original, uas",
    "phone": "phone, telephone, tel, msisdn, mobile, phone number, phonenumber, cli, ani, dnis, "
    "did, imsi, imei, iccid, e164, caller id, callerid, calling number, called number, fax, "
    "caller number, callee number, dialed number, src number, dst number",
    "party": "caller, callee, from, to, contact, extension, calling party, called party, a party, "
    "b party, calling, called, aor, impu, impi",
    "mail": "email, mail, mail from, mailfrom, rcpt, rcpt to, cc, bcc, reply to, sender, recipient",
    "user": "user, username, user name, login, login name, account, account name, subscriber, uid, "
    "owner, actor, principal, cname, author, customer, member, employee, identity, remote user, "
    "logname, user id, account id, customer id, subscriber id, upn, display",
    "query": "query string, querystring, args, params, parameters, body, request body, "
    "response body, post data, form, headers, header, url query, http query, uri query",
    "url": "url, uri, path, referer, referrer, refer, request, request line, link, endpoint, "
    "redirect, href, origin, request uri, document uri, url original, url full",
    "file": "file, filename, file name, filepath, file path, directory, executable, image, "
    "process, process name, folder, exe, share",
    "command": "command line, cmdline, commandline",
    "host": "host, hostname, host name, domain, domain name, sni, server name, fqdn, rrname, "
    "query, realm, node, workstation, machine, computer, computer name, server, helo, ehlo, "
    "dns name, rdata, upstream, backend, vhost, peer, device, device name, site, observer name",
    "rule": "rule, rule name, signature, signature name, policy, policy name, malware, threat",
    "hash": "hash, md5, sha1, sha256, sha512, fingerprint, ja3, ja3s, ja4, ja4s, hassh, checksum, "
    "etag, community id, imphash, thumbprint, digest, hash string, ja3 hash, ja3s hash",
    "id": "id, uuid, guid, call id, callid, trace, trace id, correlation id, request id, "
    "transaction id, serial, gid, tx, branch, message id, span id, flow id, conn, connection, ref",
    "text": "top level domain, tld, file extension, url extension, "  # what last grams mean
    "message, msg, reason, description, subject, payload, text, comment, note, notes, "
    "title, content, data, raw, original, log, error, detail, details, summary, line, packet, "
    "sip reason, reason phrase, response line, banner, magic, printable, stack, exception",
    "size": "bytes, size, length, octets, len, content length, bytes sent, bytes received, "
    "bytes toserver, bytes toclient, bytes in, bytes out, traffic, body bytes sent",
    "speed": "request time, response time, latency, rtt, took, elapsed ms, response ms, "
    "upstream response time, upstream connect time, upstream header time, processing time",
    "duration": "duration, elapsed, age, uptime, duration ms, billsec, call duration, duration2, "
    "lifetime, ring time, pdd",
    "port": "dest port, dst port, destination port, server port, listen port, local port, dport",
    "status": "status, status code, statuscode, response code, rcode, code, http status, errno, "
    "error code, exit code, response status, return code, upstream status",
    "type": "type, kind, method, verb, proto, protocol, transport, action, outcome, result, state, "
    "level, severity, category, direction, verdict, disposition, mode, phase, opcode, rrtype, "
    "qtype, facility, priority, loglevel, log level, scheme, event type, module, dataset, "
    "content type, mime type, mimetype, app proto, classtype, tls version, ssl version, "
    "ssl protocol, ssl cipher, cipher, http version, protocol version, server protocol, "
    "request method, auth method, flow state, tcp state, originator",
    "count": "count, counter, total, packets, pkts, hits, retries, retransmissions, messages, "
    "attempts, errors, depth, hops, ttl, diff, score, percent, ratio, load, cpu, memory, "
    "pkts toserver, pkts toclient, pkts in, pkts out, failures, warnings, requests, responses, "
    "connections, replies, events, drops, dropped, weight, usage, cseq, seq, sequence",
}
_BY_WORDS: dict[tuple[str, ...], Role] = {}
for _role, _names in _ROLES.items():
    for _name in _names.split(","):
        _BY_WORDS.setdefault(tuple(_name.split()), _role)
_LONGEST = max(map(len, _BY_WORDS))
_SECRET_WORDS = frozenset(
    ("password", "passwd", "passphrase", "secret", "authorization", "cookie", "credentials")
)

# Roles that may be shown in clear; the other roles win over them wherever they stand in a name.
HARMLESS: frozenset[Role] = frozenset(
    ("size", "speed", "duration", "port", "status", "type", "count")
)


def words(path: str) -> tuple[str, ...]:
    """The words of a path in lower case: `client.srcIp` gives `client`, `src`, `ip`."""
    return tuple(word.lower() for word in _SPLIT.split(path) if word)


@lru_cache(maxsize=8192)
def role_of(path: str) -> Role | None:
    """The role that a field's name says, None where it says nothing known."""
    last = words(path.rpartition(".")[2])
    if any(word in _SECRET_WORDS for word in last):
        return "secret"
    tail = words(path)[-_LONGEST:]
    return next((_BY_WORDS[tail[n:]] for n in range(len(tail)) if tail[n:] in _BY_WORDS), None)


_OTHER_TIMES = frozenset(
    ("at", "time", "timestamp", "date", "start", "started", "end", "ended", "begin", "created",
     "updated", "modified", "received", "sent", "seen", "expires", "before", "after", "notbefore",
     "notafter", "first", "last")
)  # fmt: skip


def names_time(path: str) -> bool:
    """Whether a name says that it is some time of what happened."""
    return not _OTHER_TIMES.isdisjoint(words(path)[-2:])


def is_moment(path: str) -> int | None:
    """How likely a path names the event's own time, 0 the likeliest; None where it does not."""
    name = path if path.startswith("@") else " ".join(words(path))
    return EVENT_TIMES.index(name) if name in EVENT_TIMES else None
