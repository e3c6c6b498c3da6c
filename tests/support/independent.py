"""A second decoder, written from `docs/formats.md` alone: standard library and `cryptography`.

It imports nothing of the product, so what both agree on is what the page says. It is slow and
plain on purpose. Everything that is wrong raises `ValueError`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
import struct
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Json = dict[str, Any]
Leaf = tuple[bytes, bytes, bytes, bytes]

_UNICODE14 = Path(__file__).parents[2] / "zt" / "crypto" / "unicode14_unassigned.txt"


# --- section 1: conventions ------------------------------------------------------------------


def uint32(number: int) -> bytes:
    return struct.pack(">I", number)


def lp(*parts: bytes) -> bytes:
    return b"".join(uint32(len(part)) + part for part in parts)


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """Strict base64url."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise ValueError("no base64url")
    data = urlsafe_b64decode(text + "==")
    if b64(data) != text:
        raise ValueError("unused bits are set")
    return data


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA512(), length=length, salt=b"zt/v1", info=info).derive(secret)


def mac(key: bytes, message: bytes) -> str:
    assert len(key) == 32
    return b64(hashlib.blake2b(message, key=key, digest_size=16).digest())


def float_text(value: float) -> str:
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0.0"
    _, digits, exponent = Decimal(repr(abs(value))).as_tuple()
    assert isinstance(exponent, int)
    padded = "".join(map(str, digits)).lstrip("0")
    d = padded.rstrip("0")
    k = len(padded) + exponent
    if len(d) <= k <= 16:
        text = d.ljust(k, "0") + ".0"
    elif 0 < k <= 16:
        text = f"{d[:k]}.{d[k:]}"
    elif -5 < k <= 0:
        text = "0." + "0" * -k + d
    else:
        text = d[0] + ("." + d[1:] if d[1:] else "") + f"e{k - 1}"
    return sign + text


_SHORT = {8: r"\b", 9: r"\t", 10: r"\n", 12: r"\f", 13: r"\r", 34: r"\"", 92: r"\\"}
_ESCAPES = {code: f"\\u{code:04x}" for code in range(32)} | _SHORT


def compact(value: Any, *, ordered: bool = False) -> str:
    """Compact JSON; `ordered`: sorted."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return float_text(value)
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case list() | tuple():
            return "[" + ",".join(compact(item, ordered=ordered) for item in value) + "]"
    assert isinstance(value, dict)
    keys = sorted(value, key=lambda key: str(key).encode()) if ordered else value
    entries = (f"{compact(key)}:{compact(value[key], ordered=ordered)}" for key in keys)
    return "{" + ",".join(entries) + "}"


# --- section 2: plaintext --------------------------------------------------------------------


def _distinct(pairs: list[tuple[str, Any]]) -> Json:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a float is out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > 4300:
        raise ValueError("an integer is too long")
    return int(text)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def read_json(raw: bytes) -> Any:
    """JSON as section 2 wants it."""
    value = json.loads(
        raw.decode("utf-8"),
        object_pairs_hook=_distinct,
        parse_float=_finite,
        parse_int=_integer,
        parse_constant=_no_constant,
    )
    _check(value, 128)
    return value


def _check(value: Any, levels: int) -> None:
    if isinstance(value, str):
        value.encode()  # raises for lone surrogates, by a ValueError
    if isinstance(value, dict | list):
        if levels == 0:
            raise ValueError("nested too deeply")
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(item, levels - 1)


def read_event(raw: bytes) -> Json:
    """A line, without its end, as an event."""
    if len(raw) > 8 * 1024 * 1024:
        raise ValueError("too long")
    event = read_json(raw)
    if not isinstance(event, dict) or "zt" in event or _is_ambiguous(event):
        raise ValueError("no event")
    return event


def _is_ambiguous(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_ambiguous, value))
    if not isinstance(value, dict):
        return False
    found = list(fields(value))
    paths = [path for path, _ in found]
    return len(set(paths)) < len(paths) or any(_is_ambiguous(v) for _, v in found)


def fields(event: Json, above: str | None = None) -> Iterator[tuple[str, Any]]:
    """Path and value of every field."""
    for key, value in event.items():
        path = key if above is None else f"{above}.{key}"
        if isinstance(value, dict) and value:
            yield from fields(value, path)
        else:
            yield path, value


# --- sections 3 and 4: keys ------------------------------------------------------------------


class Epoch:
    """The keys of a root."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.kid = hkdf(root, lp(b"kid"), 32)[:4]
        self.kcv = hkdf(root, lp(b"kcv"), 32)

    def keyspace(self, name: str) -> bytes:
        return hkdf(self.root, lp(b"keyspace", name.encode()), 32)

    def subkey(self, name: str, purpose: bytes, length: int, params: bytes = b"") -> bytes:
        return hkdf(self.keyspace(name), lp(purpose, params, uint32(length)), length)


class Keys:
    """An unwrapped ring."""

    def __init__(self, ring_file: bytes, key_file: bytes) -> None:
        if not (match := re.fullmatch(rb"([0-9a-f]{64})\n?", key_file)):
            raise ValueError("no key file")
        wrapping_key = bytes.fromhex(match[1].decode())
        ring = read_json(ring_file)
        if ring["zt-ring"] != 1 or json.dumps(ring, indent=2).encode() + b"\n" != ring_file:
            raise ValueError("another version or spelling")
        unsealed = json.dumps({**ring, "mac": ""}, indent=2).encode() + b"\n"
        right = hmac.digest(hkdf(wrapping_key, lp(b"ring-mac"), 32), unsealed, "sha256").hex()
        if right != ring["mac"]:
            raise ValueError("altered")
        self._siv = AESSIV(hkdf(wrapping_key, lp(b"ring-wrap"), 64))
        self.tenant: str = ring["tenant"]
        self.id_key = self._unwrap(ring["id_key"], b"id")
        self.epochs: dict[str, Epoch] = {}
        for epoch in ring["epochs"]:
            if epoch["root"] is not None:
                keys = Epoch(self._unwrap(epoch["root"], b"root"))
                if (keys.kid.hex(), keys.kcv.hex()) != (epoch["kid"], epoch["kcv"]):
                    raise ValueError("a root is not the one it should be")
                self.epochs[epoch["kid"]] = keys

    def _unwrap(self, wrapped: str, role: bytes) -> bytes:
        return self._siv.decrypt(bytes.fromhex(wrapped), [self.tenant.encode(), role])

    def tenant_subkey(self, purpose: bytes) -> bytes:
        return hkdf(self.id_key, lp(purpose), 32)


# --- sections 5 and 6: envelopes -------------------------------------------------------------


def seal_envelope(epoch: Epoch, key: bytes, context: list[bytes], plaintext: bytes) -> str:
    header = b"\x01\x01" + epoch.kid
    return b64(header + AESSIV(key).encrypt(plaintext, [header, *context]))


def open_envelope(epoch: Epoch, key: bytes, context: list[bytes], envelope: str) -> bytes:
    data = unb64(envelope)
    header = b"\x01\x01" + epoch.kid
    if data[:6] != header:
        raise ValueError("another version, suite or epoch")
    try:
        return AESSIV(key).decrypt(data[6:], [header, *context])
    except InvalidTag:
        raise ValueError("an envelope does not open") from None


def type_and_bytes(value: Any) -> tuple[bytes, bytes]:
    match value:
        case str():
            return b"s", value.encode()
        case bool():
            return b"b", b"\x01" if value else b"\x00"
        case int():
            return b"i", str(value).encode()
        case float():
            return b"f", struct.pack(">d", value)
        case None:
            return b"n", b""
    assert value in ({}, [])
    return (b"o", b"") if isinstance(value, dict) else (b"a", b"")


def seal_det(epoch: Epoch, keyspace: str, value: Any) -> str:
    key = epoch.subkey(keyspace, b"det", 64)
    return seal_envelope(epoch, key, [keyspace.encode()], b"".join(type_and_bytes(value)))


def open_det(epoch: Epoch, keyspace: str, ciphertext: Any) -> Any:
    if not isinstance(ciphertext, str):
        raise ValueError("no ciphertext")
    key = epoch.subkey(keyspace, b"det", 64)
    plaintext = open_envelope(epoch, key, [keyspace.encode()], ciphertext)
    data = plaintext[1:]
    if len(data) > 8192:
        raise ValueError("too long for det")
    match plaintext[:1]:
        case b"s":
            value: Any = data.decode()
        case b"i":
            value = int(data)
        case b"f":
            (value,) = struct.unpack(">d", data)
        case b"b":
            value = data == b"\x01"
        case _:
            raise ValueError("no type of a det value")
    if b"".join(type_and_bytes(value)) != plaintext:
        raise ValueError("another spelling of a value")
    return value


def seal_blob(epoch: Epoch, event_id: str, entries: list[Any]) -> str:
    plaintext = compact({"o": entries, "r": []}).encode()
    plaintext += b" " * (-len(plaintext) % 32)
    key = epoch.subkey("zt:event", b"opaque", 64)
    return seal_envelope(epoch, key, [b"event", unb64(event_id)], plaintext)


def open_blob(epoch: Epoch, event_id: str, blob: str) -> list[tuple[list[str], Any]]:
    key = epoch.subkey("zt:event", b"opaque", 64)
    plaintext = open_envelope(epoch, key, [b"event", unb64(event_id)], blob)
    content = json.loads(plaintext)
    spelled = compact(content).encode()
    if plaintext != spelled + b" " * (-len(spelled) % 32):
        raise ValueError("a blob is not spelled or padded as it should be")
    if content["r"] != [] or content.keys() != {"o", "r"}:
        raise ValueError("a blob of a newer release")
    return [(keys, value) for keys, value in content["o"]]


# --- sections 7 and 8: ids and seals ---------------------------------------------------------


def event_id(keys: Keys, stream: bytes, position: int, event: bytes) -> str:
    message = lp(stream, position.to_bytes(8, "big"), event)
    return b64(hmac.digest(keys.tenant_subkey(b"event-id"), message, "sha256")[:16])


def stream_name(first_line: bytes) -> bytes:
    return hashlib.blake2b(first_line, digest_size=32).digest()


def positioned(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Position and event of every line of a stream that is not empty."""
    position = 0
    for line in _lines(data):
        if event := line.rstrip(b"\r\n"):
            yield position, event
        position += len(line)


def _lines(data: bytes) -> Iterator[bytes]:
    while data:
        line, end, data = data.partition(b"\n")
        yield line + end


def body_leaves(body: Json) -> list[Leaf]:
    found: list[tuple[bytes, int, Leaf]] = []
    for path, value in fields(body):
        whole = not isinstance(value, list) or not value
        for index, item in enumerate([value] if whole else value):
            if not whole and isinstance(item, dict | list):
                raise ValueError("an array holds containers")
            place = b"" if whole else uint32(index)
            leaf = (path.encode(), place, *type_and_bytes(item))
            found.append((path.encode(), index, leaf))
    return [leaf for _, _, leaf in sorted(found)]


def seal_message(body: Json, zt: Json) -> bytes:
    leaves = body_leaves(body)
    head = lp(uint32(1))
    head += lp(unb64(zt["id"]), bytes.fromhex(zt["kid"]), unb64(zt["profile"]))
    head += lp(uint32(len(leaves)))
    return head + b"".join(lp(*leaf) for leaf in leaves) + lp(zt["opaque"].encode())


def event_seal(epoch: Epoch, body: Json, zt: Json) -> str:
    return mac(epoch.subkey("zt:seal", b"seal", 32), seal_message(body, zt))


# --- sections 9 and 10: tags and tokens ------------------------------------------------------


def value_tag(epoch: Epoch, record: Json) -> str:
    search = record.get("search")
    message = lp(
        uint32(1),
        epoch.kid,
        record["keyspace"].encode(),
        record["scheme"].encode(),
        unb64(search) if search else b"",
        record["ct"].encode(),
        b"".join(map(uint32, record.get("tokens", []))),
    )
    return mac(epoch.subkey(record["keyspace"], b"value-tag", 32), message)


def search_id(kinds: Iterable[str]) -> str:
    parameters = {"gram": {"bits": 32, "fold": 1, "size": 3}}
    text = compact({kind: parameters[kind] for kind in kinds}, ordered=True)
    return b64(hashlib.blake2b(text.encode(), digest_size=16).digest())


def fold(text: str) -> str:
    if unicodedata.unidata_version == "14.0.0":
        unassigned = {c for c in text if unicodedata.category(c) == "Cn"}
    else:
        ranges = [line.split("-") for line in _UNICODE14.read_text("ascii").split()]
        spans = [(int(low, 16), int(high, 16)) for low, high in ranges]
        unassigned = {c for c in text if any(low <= ord(c) <= high for low, high in spans)}
    folded, piece = "", ""
    for c in text:
        if c in unassigned:
            folded, piece = folded + _fold_piece(piece) + c, ""
        else:
            piece += c
    return folded + _fold_piece(piece)


def _fold_piece(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def gram_tokens(epoch: Epoch, keyspace: str, text: str) -> list[int]:
    params = lp(uint32(1), uint32(3), uint32(32))
    key = epoch.subkey(keyspace, b"gram", 32, params)
    folded = fold(text)
    grams = [folded[i : i + 3] for i in range(len(folded) - 2)]
    blocks = {(0, gram) for gram in grams}
    if grams:
        blocks |= {(1, grams[0]), (2, grams[-1])}
    return sorted({_token(key, flags, gram) for flags, gram in blocks})


def _token(key: bytes, flags: int, gram: str) -> int:
    cmac = CMAC(algorithms.AES256(key))
    cmac.update(bytes([flags]) + gram.encode("utf-32-be"))
    return int.from_bytes(cmac.finalize()[:4], "big")


def scalar_text(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)


def header_tag(epoch: Epoch, header: Json) -> str:
    content = {k: v for k, v in header.items() if k != "tag" and v is not None}
    content["columns"] = [
        {k: v for k, v in column.items() if v is not None} for column in header["columns"]
    ]
    return mac(epoch.subkey("zt:seal", b"header-tag", 32), compact(content, ordered=True).encode())


# --- section 11: profiles --------------------------------------------------------------------


def profile_id(keys: Keys, text: str) -> str:
    return mac(keys.tenant_subkey(b"profile-id"), text.encode())


def is_dropped(profile: Json, path: str) -> bool:
    dropped = [p for p, rule in profile["fields"].items() if rule["scheme"] == "drop"]
    return any(path == p or path.startswith(p + ".") for p in dropped)


# --- section 12: the wire --------------------------------------------------------------------

_KID = r"[0-9a-f]{8}"
_B16 = r"[A-Za-z0-9_-]{21}[AQgw]"
_B32 = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_ENVELOPE = r"[A-Za-z0-9_-]{30,}"
_KINDS = "keyword|ip|number|time|text"
_TENANT = r"[a-z0-9][a-z0-9._-]{0,62}"

_HEADER = {
    "kind": "batch",
    "tenant": _TENANT,
    "kid": _KID,
    "kcv": _B32,
    "profile": _B16,
    "edge": _ENVELOPE,
    "time": r"(?s:.{0,1024})",
    "tag": _B16,
}
_COLUMN = {
    "path": r"(?s:.{0,1024})",
    "kind": _KINDS,
    "keyspace": r"(?s:.{1,256})",
    "search": _B16,
}
_VALUE = {
    "kind": "value",
    "keyspace": r"(?s:.{1,256})",
    "kid": _KID,
    "scheme": r"(?s:.*)",
    "search": _B16,
    "ct": r"(?s:.*)",
    "tag": _B16,
}
_EVENT = {"id": _B16, "kid": _KID, "profile": _B16, "opaque": _ENVELOPE, "seal": _B16}


def _strings(found: Json, patterns: dict[str, str], *optional: str) -> None:
    """Check the keys of an object whose values are strings."""
    if not found.keys() <= patterns.keys():
        raise ValueError("unknown keys")
    for key, pattern in patterns.items():
        value = found.get(key)
        if value is None and key in optional:
            continue
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"{key} is wrong")


def _is_integer(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def parse(raw: bytes) -> tuple[str, Json, Json]:
    """Kind, `zt` and body of a line without its end."""
    if len(raw) > 16 * 1024 * 1024:
        raise ValueError("too long")
    body = read_json(raw)
    if not isinstance(body, dict) or not isinstance(zt := body.pop("zt", None), dict):
        raise ValueError("no line of the wire")
    if "kind" not in zt:
        _strings(zt, _EVENT)
        return "event", zt, body
    if body:
        raise ValueError("keys beside zt")
    if zt["kind"] == "batch":
        rest = dict(zt)
        columns = rest.pop("columns", None)
        if not _is_integer(rest.pop("version", None), 1, 1):
            raise ValueError("another version")
        if not _is_integer(rest.pop("generation", None), 1, 2**53 - 1):
            raise ValueError("generation is wrong")
        if not isinstance(columns, list):
            raise ValueError("columns are wrong")
        _strings(rest, _HEADER, "time")
        for column in columns:
            _strings(column, _COLUMN, "keyspace", "search")
        return "batch", zt, {}
    rest = dict(zt)
    tokens = rest.pop("tokens", [])
    if not isinstance(tokens, list) or len(tokens) > 65_536:
        raise ValueError("tokens are wrong")
    if not all(_is_integer(token, 0, 2**32 - 1) for token in tokens):
        raise ValueError("a token is wrong")
    if tokens != sorted(set(tokens)):
        raise ValueError("tokens are not sorted")
    _strings(rest, _VALUE, "search")
    return "value", zt, {}


class Decoder:
    """Opens wire lines of a ring; verifies all that can be verified."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.profiles: dict[tuple[str, str], Json] = {}
        self.headers: list[Json] = []
        self.records: list[Json] = []
        self.ids: list[str] = []

    def decrypt(self, lines: Iterable[bytes]) -> Iterator[Json]:
        for line in lines:
            if raw := line.rstrip(b"\r\n"):
                kind, zt, body = parse(raw)
                if kind == "batch":
                    self.header(zt)
                elif kind == "value":
                    self.value(zt)
                else:
                    yield self.event(zt, body)

    def header(self, zt: Json) -> None:
        epoch = self.keys.epochs[zt["kid"]]
        if unb64(zt["kcv"]) != epoch.kcv or zt["tenant"] != self.keys.tenant:
            raise ValueError("another key or tenant")
        if header_tag(epoch, zt) != zt["tag"]:
            raise ValueError("a header's tag is wrong")
        key = epoch.subkey("zt:profile", b"det", 64)
        text = open_envelope(epoch, key, [b"zt:profile"], zt["edge"])
        profile = json.loads(text[1:])
        if text[:1] != b"s" or compact(profile, ordered=True).encode() != text[1:]:
            raise ValueError("a profile is not in its normal spelling")
        if profile_id(self.keys, text[1:].decode()) != zt["profile"]:
            raise ValueError("a profile has another id")
        self._check_columns(zt, profile)
        self.profiles[zt["kid"], zt["profile"]] = profile
        self.headers.append(zt)

    @staticmethod
    def _check_columns(zt: Json, profile: Json) -> None:
        if zt.get("time") != profile.get("time"):
            raise ValueError("a header names another time")
        for column in zt["columns"]:
            rule = profile["fields"][column["path"]]
            right: Json = {"path": column["path"], "kind": rule.get("kind", "keyword")}
            if rule["scheme"] == "det":
                right["keyspace"] = rule.get("keyspace", column["path"])
                if rule.get("search"):
                    right["search"] = search_id(rule["search"])
            if column != right:
                raise ValueError("a column is not as its profile says")

    def value(self, zt: Json) -> None:
        epoch = self.keys.epochs[zt["kid"]]
        if value_tag(epoch, zt) != zt["tag"]:
            raise ValueError("a value record's tag is wrong")
        text = scalar_text(open_det(epoch, zt["keyspace"], zt["ct"]))
        if zt["search"] != search_id(["gram"]):
            raise ValueError("an unknown search list")
        if gram_tokens(epoch, zt["keyspace"], text) != zt["tokens"]:
            raise ValueError("tokens are wrong")
        self.records.append(zt)

    def event(self, zt: Json, body: Json) -> Json:
        epoch = self.keys.epochs[zt["kid"]]
        profile = self.profiles[zt["kid"], zt["profile"]]
        if event_seal(epoch, body, zt) != zt["seal"]:
            raise ValueError("an event's seal is wrong")
        event = self._reveal(epoch, profile, body, "")
        for keys, value in open_blob(epoch, zt["id"], zt["opaque"]):
            _put(event, keys, value)
        self.ids.append(zt["id"])
        return event

    def _reveal(self, epoch: Epoch, profile: Json, branch: Json, above: str) -> Json:
        event: Json = {}
        for key, value in branch.items():
            path = above + key
            if isinstance(value, dict) and value:
                event[key] = self._reveal(epoch, profile, value, path + ".")
                continue
            rule = profile["fields"].get(path)
            if rule is None or rule["scheme"] not in ("clear", "det"):
                raise ValueError("a field shows that its profile hides")
            if rule["scheme"] == "clear":
                event[key] = value
                continue
            keyspace = rule.get("keyspace", path)
            if isinstance(value, list):
                event[key] = [
                    None if item is None else open_det(epoch, keyspace, item) for item in value
                ]
            else:
                event[key] = open_det(epoch, keyspace, value)
        return event


def _put(event: Json, keys: list[str], value: Any) -> None:
    branch = event
    for key in keys[:-1]:
        branch = branch.setdefault(key, {})
        if not isinstance(branch, dict):
            raise ValueError("a hidden field lies below a value")
    if keys[-1] in branch:
        raise ValueError("the place of a hidden field is taken")
    branch[keys[-1]] = value


# --- sections 13 and 14: rejects, jobs and findings ------------------------------------------


def open_reject(epoch: Epoch, record: Json) -> bytes:
    key = epoch.subkey("zt:event", b"opaque", 64)
    plaintext = open_envelope(epoch, key, [b"reject", uint32(record["line"])], record["opaque"])
    if lp(plaintext[4:]) != plaintext:
        raise ValueError("a rejected line has another length")
    return plaintext[4:]


def job_version(keys: Keys, text: str) -> str:
    return mac(keys.tenant_subkey(b"job-version"), text.encode())


def finding_id(
    job: str, version: str, kid: str, profile: str, group: Iterable[str], start: int
) -> str:
    parts = (job, version, kid, profile, *group, str(start))
    message = lp(*(part.encode() for part in parts))
    return b64(hashlib.blake2b(message, digest_size=16, person=b"zt finding v1").digest())
