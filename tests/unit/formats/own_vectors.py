"""Known answers of the product's own formats, made under a fixed ring.

The files in `tests/vectors/own` say what every release of format version 1 must produce. They
are written only by hand, with

    PYTHONPATH=tests python -m unit.formats.own_vectors

from the repository's root; a difference after that is a change of format and needs a new version.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from support.every_scheme import PROFILE
from unit.formats.vector_inputs import (
    ADDRESSES,
    ALL_EVENTS,
    CREATED,
    ID_KEY,
    JOB,
    MIXED,
    MIXED_EVENTS,
    NUMBERS,
    ROOT,
    SCALARS,
    SCHEMES,
    SMALL,
    SMALL_EVENTS,
    TENANT,
    TEXTS,
    WRAPPING_KEY,
)

from analytics.wire import encode_bytes, finding_id, parse_line
from analytics.wire.stream import EventLine, HeaderLine, ValueLine
from keys import EpochKeys, Ring, Secret, change_provider, make_reader_ring
from keys.content import RING_VERSION, Epoch, RingFile
from keys.derive import ROOT_SIZE
from keys.ring import wrap, write_ring
from zt.crypto.fold import fold
from zt.crypto.tokens import NET_PARAMS, PREFIX_PARAMS, WHOLE_PARAMS
from zt.encoder import Encoder
from zt.encoder.encrypt import Reject
from zt.encoder.event_id import EventIds, stream_name
from zt.encoder.fields import FieldMaker
from zt.encoder.rejects import seal_reject
from zt.encoder.seal import HeaderTag, ValueTag
from zt.profile import FieldRule, Profile
from zt.schemes.det import Det, encode_scalar
from zt.schemes.opaque import Hidden, OpaqueBlob, Original
from zt.schemes.search import SearchKind, SearchTokens, search_id

FOLDER = Path(__file__).parents[2] / "vectors" / "own"
COMMAND = "PYTHONPATH=tests python -m unit.formats.own_vectors"
PROVENANCE = (
    "made by this product under the fixed ring of keys.json, whose keys are counting bytes and "
    f"protect nothing; written by: {COMMAND}"
)
NAMES = ["keys", "det", "schemes", "opaque", "search", "names", "rejects", "tags"]
NAMES += ["wire", "mixed", "every_scheme"]


def ring_content() -> tuple[RingFile, Secret]:
    """The content of the fixed ring without its MAC, and the key that wraps it."""
    keys, wrapping_key = EpochKeys(Secret(ROOT)), Secret(WRAPPING_KEY)
    epoch = Epoch(
        kid=keys.kid.hex(),
        kcv=keys.kcv.hex(),
        state="active",
        created=CREATED,
        activates=None,
        root=wrap(wrapping_key, TENANT, Secret(ROOT), b"root"),
    )
    content = RingFile(
        ring=RING_VERSION,
        tenant=TENANT,
        generation=3,
        provider="file:ring.key",
        id_key=wrap(wrapping_key, TENANT, Secret(ID_KEY), b"id"),
        epochs=[epoch],
    )
    return content, wrapping_key


def fixed_ring(folder: Path) -> Ring:
    """The fixed ring, written into a folder and opened."""
    assert len(ROOT) == ROOT_SIZE
    key_file = folder / "ring.key"
    key_file.touch(0o600)
    key_file.write_text(WRAPPING_KEY.hex() + "\n")
    content, wrapping_key = ring_content()
    write_ring(folder / "ring.json", content, wrapping_key, replace=False)
    return Ring.open(folder / "ring.json")


def _sha256(secret: Secret) -> str:
    return hashlib.sha256(secret.secret_key_access()).hexdigest()


def keys_vectors(ring: Ring) -> dict[str, Any]:
    """The ring file, and derived keys by their SHA-256."""
    epoch = ring.active
    space = epoch.keyspace("sip.identity")
    gram_params = bytes.fromhex("00000004000000010000000400000003" + "0000000400000020")
    subkeys = [
        ("sip.identity", "det", "", 64),
        ("sip.identity", "value-tag", "", 32),
        ("sip.identity", "gram", gram_params.hex(), 32),
        ("zt:event", "opaque", "", 64),
        ("zt:seal", "seal", "", 32),
        ("zt:seal", "header-tag", "", 32),
        ("zt:profile", "det", "", 64),
        ("sip.identity", "uri", "", 64),
        ("sip.identity", "fpe", "", 32),
        ("sip.identity", "ip", "", 32),
        ("sip.identity", "pfx", "", 32),
        ("sip.identity", "prefix", PREFIX_PARAMS.hex(), 32),
        ("sip.identity", "whole", WHOLE_PARAMS.hex(), 32),
        ("sip.identity", "net", NET_PARAMS.hex(), 32),
        ("sip.identity", "check", "", 32),
    ]
    path = ring.path.with_name("reader.json")
    make_reader_ring(ring, path, "file:reader.key", ["sip.identity", "é"], seal=True)
    change_provider(path, "file:ring.key")  # so that all known answers have one wrapping key
    return {
        "root": ROOT.hex(),
        "id_key": ID_KEY.hex(),
        "key_file": (ring.path.parent / "ring.key").read_text(),
        "ring_file": ring.path.read_text(),
        "reader_file": path.read_text(),
        "vectors": [
            {"what": "kid", "hex": epoch.kid.hex()},
            {"what": "kcv", "hex": epoch.kcv.hex()},
            {"what": "keyspace", "keyspace": "sip.identity", "sha256": _sha256(space.secret)},
            *(
                {
                    "what": "subkey",
                    "keyspace": name,
                    "purpose": purpose,
                    "params": params,
                    "length": length,
                    "sha256": _sha256(
                        epoch.keyspace(name).subkey(purpose.encode(), length, bytes.fromhex(params))
                    ),
                }
                for name, purpose, params, length in subkeys
            ),
            *(
                {
                    "what": "tenant",
                    "purpose": purpose,
                    "sha256": _sha256(ring.tenant_key.subkey(purpose.encode())),
                }
                for purpose in ("event-id", "profile-id", "job-version")
            ),
        ],
    }


def det_vectors(ring: Ring) -> dict[str, Any]:
    """Det envelopes of every JSON type."""
    return {
        "vectors": [
            {
                "keyspace": keyspace,
                "value": msgspec.json.encode(value).decode(),
                "plaintext": encode_scalar(value).hex(),
                "ciphertext": Det(ring.active.keyspace(keyspace)).protect(value),
            }
            for keyspace in ("sip.identity", "address")
            for value in SCALARS
            if keyspace == "sip.identity" or value == "alice"
        ]
    }


def opaque_vectors(ring: Ring) -> dict[str, Any]:
    """Opaque blobs, without entries and with some."""
    blob = OpaqueBlob(ring.active.keyspace("zt:event"))
    event_id = encode_bytes(bytes(range(16)))
    entries: list[list[Any]] = [
        [],
        [[["a", "b"], 1.0]],
        [[["a.b"], None], [["sip", "body"], {"\u00e9\x1f/\u2028": ["\x7f", 1e16, 10**30, {}]}]],
    ]
    originals: list[Original] = [(("sip", "to"), 1, "SIP:a@b:5060"), (("n",), None, 5)]
    return {
        "vectors": [
            {
                "event_id": event_id,
                "entries": msgspec.json.encode(entry).decode(),
                "originals": msgspec.json.encode(own).decode(),
                "blob": blob.seal(Hidden([(tuple(k), v) for k, v in entry], own), event_id),
            }
            for own in ([], originals)
            for entry in entries
        ]
    }


def schemes_vectors(ring: Ring) -> dict[str, Any]:
    """Values under a rule: what stands in the event, and what opening gives back."""
    vectors = []
    for keyspace, rule, values in SCHEMES:
        named = rule if rule["scheme"] == "coarsen" else {**rule, "keyspace": keyspace}
        field = FieldMaker(ring.active).make(keyspace, FieldRule.model_validate(named))
        for value in values:
            made = field.protect(value)
            vectors.append(
                {
                    "keyspace": keyspace,
                    "rule": rule,
                    "value": msgspec.json.encode(value).decode(),
                    "scheme": made.scheme,
                    "canonical": msgspec.json.encode(field.canonical(value)).decode(),
                    "ciphertext": made.ciphertext,
                    "is_exact": made.is_exact,
                }
            )
    return {"vectors": vectors}


def search_vectors(ring: Ring) -> dict[str, Any]:
    """Tokens of every kind, by text."""
    texts: list[tuple[SearchKind, str, list[str]]] = [
        ("gram", "sip.identity", TEXTS),
        ("prefix", "phone", NUMBERS),
        ("whole", "sip.identity", [*TEXTS, "Alice"]),
        ("net", "address", ADDRESSES),
    ]
    lists: list[tuple[SearchKind, ...]] = [
        *((kind,) for kind, _, _ in texts),
        ("gram", "whole"),
        ("gram", "net", "prefix", "whole"),
    ]
    return {
        "lists": [{"kinds": list(kinds), "search": search_id(kinds)} for kinds in lists],
        "vectors": [
            {
                "kind": kind,
                "keyspace": space,
                "text": text,
                "folded": fold(text),
                "tokens": list(SearchTokens([kind], ring.active.keyspace(space)).tokens([text])[0]),
            }
            for kind, space, own in texts
            for text in own
        ],
    }


def names_vectors(ring: Ring) -> dict[str, Any]:
    """Event ids, profile ids, job versions and finding ids."""
    line = b'{"a":1}'
    streams = {"named": b"lab", "first line": stream_name(line)}
    ids = [
        {
            "stream": stream.hex(),
            "position": position,
            "event": line.decode(),
            "id": encode_bytes(EventIds(ring.tenant_key, stream).id(position, line)),
        }
        for stream in streams.values()
        for position in (0, 8, 2**32)
    ]
    version = JOB.version(ring.tenant_key)
    profile = SMALL.id(ring.tenant_key)
    finding = (JOB.id, version, ring.active.kid.hex(), profile, ("AQE", "\u00e9"), 1_700_000_000)
    return {
        "event_ids": ids,
        "stream_names": [
            {"first_line": text, "hex": stream_name(text.encode()).hex()}
            for text in (line.decode(), "")
        ],
        "profile": {"text": SMALL.normalised().decode(), "id": profile},
        "job": {
            "text": '{"group_by":["client.ip"],"id":"guessing","kind":"event_count",'
            '"severity":"high","tags":["attack.t1110.001"],"threshold":8,'
            '"where":"type:auth-failed","window":300000000}',
            "version": version,
        },
        "finding": {
            "job": finding[0],
            "version": finding[1],
            "kid": finding[2],
            "profile": finding[3],
            "group": list(finding[4]),
            "start": finding[5],
            "id": finding_id(*finding),
        },
    }


def rejects_vectors(ring: Ring) -> dict[str, Any]:
    """Lines of a reject file."""
    rejects = [Reject(2, "no JSON object", b"[1,2]"), Reject(2**32 - 1, "not valid JSON", b"{")]
    return {
        "vectors": [
            {
                "raw": reject.raw.decode(),
                "record": seal_reject(reject, ring.active).model_dump(),
            }
            for reject in rejects
        ]
    }


def wire_vectors(ring: Ring, profile: Profile, events: list[bytes]) -> dict[str, Any]:
    """A whole stream: input lines and wire lines, and each MAC in them by itself."""
    lines = list(Encoder(ring, profile, stream="lab").encrypt(events))
    seals: list[dict[str, str]] = []
    value_tags: list[dict[str, str]] = []
    header_tags: list[str] = []
    for raw in lines:
        match parse_line(raw.rstrip(b"\n")):
            case EventLine() as event:
                seals.append({"id": event.meta.id, "seal": event.meta.seal})
            case ValueLine() as value:
                tag = ValueTag(ring.active.keyspace(value.record.keyspace))
                tag.verify(value.record)
                value_tags.append({"ct": value.record.ct, "tag": value.record.tag})
            case HeaderLine() as header:
                header_tags.append(HeaderTag(ring.active).compute(header.header))
    return {
        "stream": "lab",
        "profile": profile.normalised().decode(),
        "input": [line.decode() for line in events],
        "lines": [line.decode() for line in lines],
        "header_tags": header_tags,
        "value_tags": value_tags,
        "seals": seals,
    }


def tags_vectors(ring: Ring) -> dict[str, Any]:
    """Tags of value records with a search list and without."""
    maker = FieldMaker(ring.active)
    vectors = []
    for search in ([], ["net"]):
        rule = FieldRule.model_validate({"scheme": "ip", "keyspace": "address", "search": search})
        field = maker.make("client.ip", rule)
        maker = FieldMaker(ring.active)
        assert field.dictionary is not None
        made = field.protect("192.0.2.1")
        tokens = field.dictionary.search.tokens([made.text])[0] if field.dictionary.search else ()
        record = field.dictionary.record(made.scheme, made.ciphertext, tokens)
        vectors.append(record.model_dump(mode="json"))
    return {"vectors": vectors}


def compute(name: str, ring: Ring) -> dict[str, Any]:
    """What the product says now, in the shape of the file of that name."""
    makers: dict[str, Callable[[Ring], dict[str, Any]]] = {
        "keys": keys_vectors,
        "det": det_vectors,
        "schemes": schemes_vectors,
        "opaque": opaque_vectors,
        "search": search_vectors,
        "names": names_vectors,
        "rejects": rejects_vectors,
        "tags": tags_vectors,
        "wire": lambda ring: wire_vectors(ring, SMALL, SMALL_EVENTS),
        "mixed": lambda ring: wire_vectors(ring, MIXED, MIXED_EVENTS),
        "every_scheme": lambda ring: wire_vectors(ring, PROFILE, ALL_EVENTS),
    }
    return {"provenance": PROVENANCE, **makers[name](ring)}


def load(name: str) -> dict[str, Any]:
    """A file of known answers.

    Raises:
        AssertionError: it holds none, so a test over it would prove nothing.
    """
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    lists = [value for value in content.values() if isinstance(value, list)]
    assert content["provenance"]
    assert lists, f"{name}.json has no list of vectors"
    assert all(lists), f"{name}.json has an empty list of vectors"
    return content


def spell(content: dict[str, Any]) -> bytes:
    """The one spelling of a file."""
    return json.dumps(content, indent=2).encode() + b"\n"


def write() -> None:
    """Replace all files by what the product says now."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        ring = fixed_ring(Path(folder))
        for name in NAMES:
            (FOLDER / f"{name}.json").write_bytes(spell(compute(name, ring)))


if __name__ == "__main__":
    write()
