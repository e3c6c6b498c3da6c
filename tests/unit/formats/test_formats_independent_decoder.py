"""What the product writes, opened and written again from docs/formats.md alone."""

from __future__ import annotations

import ast
import json
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from properties.event_strategies import events as any_events
from properties.event_strategies import is_ambiguous, merge, nest, scalars, values
from support import every_scheme, independent
from support.independent import cases
from support.thorough import examples
from unit.formats.vector_inputs import ALL_EVENTS

from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.encoder.decrypt import DecryptReject
from zt.encoder.input import read_event
from zt.errors import EventError
from zt.profile import FieldRule, Profile, load_profile, preset_names

Exact = Callable[[Any], Any]
Event = dict[str, Any]

DERIVED = every_scheme.DERIVE

ODD = Profile(
    name="odd",
    time="@timestamp",
    fields={
        "@timestamp": FieldRule(scheme="clear", kind="time"),
        "n": FieldRule(scheme="clear", kind="number"),
        "a": FieldRule(scheme="clear"),
        "a.b": FieldRule(scheme="clear"),
        ".": FieldRule(scheme="clear"),
        "sip": FieldRule(scheme="det"),
        "sip.from": FieldRule(scheme="det", keyspace="identity", search=("gram",)),
        "sip.to": FieldRule(scheme="det", keyspace="identity", search=("gram",)),
        "sip.request.uri": FieldRule(scheme="det", search=("gram",)),
        "hidden": FieldRule(scheme="opaque"),
        "gone": FieldRule(scheme="drop"),
        "sip.gone": FieldRule(scheme="drop"),
    },
)

LONG = "x" * 8192
ODD_EVENTS: list[Event] = [
    {},
    {"sip": {"from": "alice", "to": "bob", "gone": 1}},
    {"sip.from": "alice", "sip": {"to": "bob", "x.y": {"z": 1}}},
    {"sip.gone": {"deep": 1}, "gone": [1], "gone.x": 2, "sip": {"gone": {"x": 1}}},
    {"a": 1, "a.b": 2, "a.c": 3},
    {"a": {"b": [1, 1.0, True, None, "1", ""]}},
    {"a": {"b": [], "c": {}}},
    {"a": {"b": {}}},
    {"a": {"b": [[1], {"c": None}]}},
    {"a": {"b": {"c": 1}}},
    {"a": {}, "sip": {}, "n": []},
    {"n": 10**400, "sip": -(10**300), "x": [10**30, -(10**30)]},
    {"n": -0.0, "sip": -0.0, "x": -0.0},
    {"n": 0.0, "sip": 0.0, "x": 0},
    {"n": 1.0, "sip": 1.0, "x": 1.0},
    {"n": 1, "sip": 1, "x": True},
    {"n": [1e16, 1e15, 5e-324, 1.7976931348623157e308, 1e-5, 1e-6]},
    {"sip": {"from": [1e16, 1e15, 5e-324, 123.456, 1e-5, 1e-6, 10**30, True, False]}},
    {"sip": {"from": None, "to": [None], "request": {"uri": [None, "x", None]}}},
    {"sip": {"from": [], "to": {}, "request": {"uri": [[]]}}},
    {"sip": {"from": LONG, "to": LONG + "x", "request": {"uri": ["short", LONG + "x"]}}},
    {"sip": {"from": "é" * 4096, "to": "é" * 4097}},
    {"sip.from": "Straße ﬁn Ⅷ é e\u0301 \u0378\u0301x \U0001e4d0ab", "sip.to": "😀😀😀\0"},
    {"sip": {"from": "aaaaaaaa", "to": "ab", "request.uri": "abc"}},
    {"x": {'\u2028\x7f/\\"\b\f\n\r\t\x1f': '\u2028\x7f/\\"\b\f\n\r\t\x1f'}},
    {'\u2028\x7f/\\"\b\f\n\r\t\x1f': {"": {"": None}}, ".": 1, "": "empty"},
    {"@timestamp": "2026-01-02T03:04:05Z", "hidden": {"a": [{}, [], {"b.c": 1, "b": 2}]}},
    {"type": "zt", "x": {"zt": {"id": 1}}},
]


def line(event: Event) -> bytes:
    return msgspec.json.encode(event) + b"\n"


def keys_of(ring: Ring) -> independent.Keys:
    return independent.Keys(ring.path.read_bytes(), (ring.path.parent / "ring.key").read_bytes())


def remaining(event: Event, profile: independent.Profile, above: str = "") -> Event:
    """The event without what the profile drops, as section 8 of the page says."""
    kept: Event = {}
    for key, value in event.items():
        path = above + key
        if profile.is_dropped(path):
            continue
        if isinstance(value, dict) and value:
            below = remaining(value, profile, path + ".")
            if below:
                kept[key] = below
        else:
            kept[key] = value
    return kept


def check(lines: list[bytes], ring: Ring, profile: Profile, exact: Exact) -> independent.Decoder:
    """Encrypt lines, open them independently, and compare all that the page defines.

    Then write the wire once more, independently, and compare every line of it. Only of the parts
    that the library `phonenumbers` makes the product's ciphertexts are taken over.
    """
    data = b"".join(lines)
    encoder = Encoder(ring, profile, stream="lab")
    wire = list(encoder.encrypt(lines))
    decoder = independent.Decoder(keys_of(ring))
    opened = list(decoder.decrypt(wire))
    for batch in decoder.batches:
        batch.check_complete()

    text = profile.normalised().decode()
    plain = independent.parse_profile(text.encode())
    assert all(found.content == plain.content for found in decoder.profiles.values())
    named = {
        independent.event_id(decoder.keys, b"lab", position, raw): raw
        for position, raw in independent.positioned(data)
    }
    ids = set(decoder.ids)
    assert decoder.ids == [name for name in named if name in ids]
    assert encoder.report.rejected == len(named) - len(decoder.ids)
    expected = [remaining(independent.read_event(named[name]), plain) for name in decoder.ids]
    assert [exact(event) for event in opened] == [exact(event) for event in expected]

    found = [independent.read_json(raw) for raw in wire]
    events = {content["zt"]["id"]: content for content in found if "id" in content["zt"]}
    (epoch,) = decoder.keys.epochs.values()
    writer = independent.Writer(decoder.keys, epoch, text)
    written = list(writer.stream(b"lab", data, lambda name: events.get(name, {})))
    assert sorted(map(ordered, written)) == sorted(map(ordered, found))
    return decoder


def ordered(content: Any) -> str:
    return independent.compact(content, ordered=True)


def test_it_imports_nothing_of_the_product() -> None:
    files = sorted(Path(independent.__file__).parent.glob("**/*.py"))
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level < 2, f"{file.name} imports from outside its package"
                modules |= set() if node.level else {node.module or ""}
    packages = {module.partition(".")[0] for module in modules}
    assert len(files) > 10
    assert packages - set(sys.stdlib_module_names) == {"cryptography"}
    assert "importlib" not in packages


@pytest.mark.parametrize("preset", preset_names())
def test_demo_events(demo_lines: list[bytes], shared_ring: Ring, preset: str, exact: Exact) -> None:
    decoder = check(demo_lines, shared_ring, load_profile(preset), exact)
    assert len(decoder.ids) == len(set(decoder.ids)) > 100


def test_odd_events(shared_ring: Ring, exact: Exact) -> None:
    lines = [line(event) for event in ODD_EVENTS]
    lines[3:3] = [b"\r\n", b"\n", b'  {"n" : -0 , "sip":1E2, "x":1e-400 } \r\r\n']
    lines[-1] = lines[-1].rstrip()
    check(lines, shared_ring, ODD, exact)


@settings(max_examples=examples(60))
@given(st.lists(any_events, max_size=3))
def test_any_events(shared_ring: Ring, exact: Exact, found: list[Event]) -> None:
    check([line(event) for event in found], shared_ring, ODD, exact)


def test_every_scheme(shared_ring: Ring, exact: Exact) -> None:
    lines = [line(event) for event in every_scheme.events()]
    decoder = check([*lines, *ALL_EVENTS], shared_ring, every_scheme.PROFILE, exact)
    schemes = {record["scheme"] for record in decoder.records}
    assert schemes == {"det", "uri", "fpe", "fpe:6", "fpe:country", "ip", "pfx"}
    kinds = {
        independent.SEARCH_LISTS.get(record.get("search") or "", ()) for record in decoder.records
    }
    assert kinds >= {(), ("net",), ("whole",), ("gram", "whole"), ("gram", "prefix")}


PATHS = [path for path in every_scheme.FIELDS if "*" not in path and path not in DERIVED]
PATHS += ["hour", "mail", "device.mac", "device.x1", "device.deep.er", "other", "gone.b", "sip"]

uris = st.tuples(
    st.sampled_from(["", "", "<", '"A" <', "a\u3000<", '"\\">" <', "x"]),
    st.sampled_from(["sip:", "SIPS:", "tel:", "Tel:", "urn:"]),
    st.sampled_from(["", "a@", "@", "+49-30", "%41%e9:p@", "A;b?c/d@", "7(0)*", "+1.2"])
    | st.text(max_size=3),
    st.sampled_from(["", "example.org", "Ex_1-a.", "[::1]", "[::FFFF:1.2.3.4]", "1.2.3.4", "b..c"]),
    st.sampled_from(["", ":5060", ":", ";lr", "?a=b", ";phone-context=X.y", ";x;PHONE-CONTEXT=+"]),
    st.sampled_from(["", "", ">", ">", "> ;tag=1", ">x", ">;>"]),
).map("".join)
addresses = (
    st.lists(st.sampled_from(["::", ":", "0", "1", "FFFF", "1.2.3.4", "01", "."])).map("".join)
    | st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda address: address.exploded)
)
times = st.tuples(
    st.dates().map(str) | st.sampled_from(["0000-01-01", "2026-02-29", "9999-12-31"]),
    st.sampled_from(["", "T03:04", " 23:59:60", "t00:00:00", "T12:34:56.7890123", "T24:00"]),
    st.sampled_from(["", "Z", "z", "+01:00", "-2359", "+24:00", " Z"]),
).map("".join)
digits = st.from_regex(r"\+?[0-9]{0,24}", fullmatch=True) | st.integers(-5, 10**30)
near_values = uris | addresses | times | digits | st.builds("{}@{}".format, digits, uris)


@st.composite
def scheme_events(draw: st.DrawFn) -> Event:
    """Events whose fields hold what schemes take, or nearly take, or anything."""
    event: Event = {}
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=6, unique=True)):
        value = draw(near_values | st.lists(near_values | scalars, max_size=4) | values)
        event = merge(event, nest(path, draw(st.integers(0, 3)), value))
    return event


@settings(max_examples=examples(100))
@given(st.lists(scheme_events().filter(lambda event: not is_ambiguous(event)), max_size=4))
def test_any_events_of_every_scheme(shared_ring: Ring, exact: Exact, found: list[Event]) -> None:
    check([line(event) for event in found], shared_ring, every_scheme.PROFILE, exact)


EDGES: list[tuple[Event, list[Any]]] = [
    ({"scheme": "uri", "search": ["gram", "whole"]}, cases.EDGE_URIS),
    ({"scheme": "ip", "search": ["net"]}, cases.EDGE_ADDRESSES),
    ({"scheme": "ip", "mode": "pfx", "search": ["gram"]}, cases.EDGE_ADDRESSES),
    ({"scheme": "fpe"}, cases.EDGE_DIGITS),
    ({"scheme": "fpe", "keep": 7, "search": ["prefix"]}, cases.EDGE_DIGITS),
    ({"scheme": "fpe", "keep": "country"}, cases.EDGE_DIGITS),
    ({"scheme": "coarsen", "kind": "time", "step": 1}, cases.EDGE_TIMES),
    ({"scheme": "coarsen", "kind": "time", "step": 2**63 - 1}, cases.EDGE_TIMES),
    ({"scheme": "coarsen", "kind": "number", "step": 3}, cases.EDGE_NUMBERS),
    ({"scheme": "coarsen", "kind": "number", "step": 2**63 - 1}, cases.EDGE_NUMBERS),
    ({"scheme": "det", "search": ["gram", "net", "prefix", "whole"]}, cases.EDGE_DIGITS[:20]),
]


@pytest.mark.parametrize(("rule", "found"), EDGES, ids=lambda value: repr(value)[:60])
def test_values_at_the_edges_of_a_scheme(
    shared_ring: Ring, exact: Exact, rule: Event, found: list[Any]
) -> None:
    profile = Profile.model_validate({"name": "edge", "fields": {"a": rule}})
    lines = [line({"a": value}) for value in [*found, [*found[:50], None]]]
    check(lines, shared_ring, profile, exact)


def test_sources_at_the_edges_of_a_part(shared_ring: Ring, exact: Exact) -> None:
    sources: dict[str, tuple[list[str], list[Any]]] = {
        "uri": (["scheme", "host", "user"], [*cases.EDGE_URIS, *every_scheme.URIS]),
        "address": (["subnet"], cases.EDGE_ADDRESSES),
        "mail": (["domain"], cases.EDGE_MAILS),
        "time": (["hour"], cases.EDGE_TIMES),
    }
    derive: dict[str, Event] = {
        f"derived.{part}": {"from": source, "part": part}
        for source, (parts, _) in sources.items()
        for part in parts
    }
    derive["derived.subnet"] |= {"v4": 9, "v6": 1}
    fields = {path: {"scheme": "clear"} for path in derive}
    profile = Profile.model_validate({"name": "parts", "derive": derive, "fields": fields})
    lines = [line({source: value}) for source, (_, own) in sources.items() for value in own]
    lines += [line({source: own}) for source, (_, own) in sources.items() if source != "mail"]
    wrong: list[Event] = [{"derived": {"host": 1}}, {"derived.host.x": 1}, {"derived.host": {}}]
    decoder = check([*lines, *map(line, wrong)], shared_ring, profile, exact)
    assert len(decoder.ids) == len(lines)
    (header,) = decoder.headers
    assert {column["path"] for column in header["columns"]} == set(derive)


def test_fields_of_patterns(shared_ring: Ring, exact: Exact) -> None:
    fields = {
        "*": {"scheme": "clear"},
        "a.*": {"scheme": "det"},
        "a.*.c": {"scheme": "drop"},
        "b.*": {"scheme": "drop"},
        "q.q*": {"scheme": "opaque"},
        "n.*": {"scheme": "clear"},
        "n.one": {"scheme": "clear"},
        "x*y": {"scheme": "ip", "search": ["net"]},
    }
    profile = Profile.model_validate({"name": "patterns", "fields": fields})
    found: list[Event] = [
        {"": 1, "a": {"": 1}, "zt:x": 1, "zt:y": {}, "*": 1, "a.*": 1},
        {"k" * 256: 1, "k" * 257: 1, "\U0001f600" * 256: 1, "a": {"k" * 254: 1, "k" * 255: 2}},
        {"b": {"c": {"d": 1}, "": 2}, "b.x.y": 2},
        {"b": {}, "a": {"b": {"c": 1, "d": 2}, "x.c": {"z": 1}, "y.c.d": 1}},
        {"xy": "192.0.2.1", "x.y": 2, "x\n\u2028y": ["a", "2001:db8::1"], "x": {"y": {}}},
        {"q": {"qa": 1, "q": {"a": 1}, "r": 2}, "q.qa.b": 1, "c": [{}], "a.z": [1, None, []]},
        *({"a": {f"{group}-{i}": [None] for i in range(300)}} for group in range(2)),
        {"n": {str(i): i for i in range(600)}},
        {"n": {"0": 1, "new": 2, "one": 3}, "a": {"0-0": 4, "more": 5}},
    ]
    decoder = check([line(event) for event in found], shared_ring, profile, exact)
    paths = {column["path"] for header in decoder.headers for column in header["columns"]}
    assert len(paths) == 1001


def test_batches(shared_ring: Ring, exact: Exact) -> None:
    """Each of them has all of its own columns and value records, and no others."""
    rule = {"scheme": "det", "search": ["whole"]}
    profile = Profile.model_validate({"name": "few", "fields": {"a": rule, "b": rule}})
    lines = [line({"a": i % 7}) for i in range(9_999)]
    lines += [line({"b": 8}), line({"a": 6}), line({})]
    decoder = check(lines, shared_ring, profile, exact)
    assert [len(batch.records) for batch in decoder.batches] == [8, 1]
    assert [len(header["columns"]) for header in decoder.headers] == [2, 1]


@pytest.fixture(scope="module")
def keys(shared_ring: Ring) -> independent.Keys:
    return keys_of(shared_ring)


@pytest.fixture(scope="module")
def every_wire(shared_ring: Ring) -> list[bytes]:
    """Lines with every scheme: one header, value records, events."""
    return list(Encoder(shared_ring, every_scheme.PROFILE, stream="lab").encrypt(ALL_EVENTS))


@pytest.mark.parametrize("kind", ["batch", "value", "event"])
def test_the_decoder_believes_nothing_altered(
    every_wire: list[bytes], keys: independent.Keys, kind: str
) -> None:
    kept = {"kind", "kid", "version"}  # another of these is no line, or of no epoch
    before = [] if kind == "batch" else every_wire[:1]
    altered = 0
    for raw in every_wire:
        if independent.parse(raw.rstrip(b"\n"))[0] != kind:
            continue
        assert len(list(independent.Decoder(keys).decrypt([*before, raw]))) == (kind == "event")
        for way, value in independent.places(json.loads(raw)):
            if way[0] == "zt" and way[1] in kept:
                continue
            for changed in changes(value):
                forged = line(altered_at(json.loads(raw), way, changed))
                with pytest.raises((ValueError, KeyError)):
                    list(independent.Decoder(keys).decrypt([*before, forged]))
                altered += 1
    assert altered > {"batch": 20, "value": 200, "event": 150}[kind]


GONE = object()


def changes(value: Any) -> list[Any]:
    match value:
        case []:
            return [[1]]
        case None | {}:
            return ["x", GONE]
        case bool():
            return [not value, int(value), GONE]
        case int() | float():
            return [value + 1, float(value) if type(value) is int else str(value), GONE]
        case "":
            return ["x", GONE]
        case str():
            flipped = value[:-1] + ("A" if value[-1] != "A" else "Q")
            return [flipped, value[1:], value + "A", [value], GONE]
        case _:
            return [value[1:], [*value, value[-1]], value[0], GONE]


def altered_at(content: Event, way: tuple[str, ...], value: Any) -> Event:
    branch = content
    for key in way[:-1]:
        branch = branch[key]
    branch[way[-1]] = value
    if value is GONE:
        del branch[way[-1]]
    return content


def test_parts_of_events_are_not_exchanged(every_wire: list[bytes], keys: independent.Keys) -> None:
    header, *rest = map(json.loads, every_wire)
    one, two, *_ = (content for content in rest if "id" in content["zt"])
    for key in ("id", "opaque", "seal"):
        exchanged = {**one, "zt": {**one["zt"], key: two["zt"][key]}}
        with pytest.raises(ValueError, match="seal"):
            list(independent.Decoder(keys).decrypt([line(header), line(exchanged)]))


def test_missing_records_and_columns_are_noticed(
    every_wire: list[bytes], keys: independent.Keys, epoch: independent.Epoch
) -> None:
    """What `check` relies on: it sees records and columns that are missing, or too many."""
    kinds = [independent.parse(raw.rstrip(b"\n"))[0] for raw in every_wire]
    first = kinds.index("value")
    header = json.loads(every_wire[0])["zt"]
    fewer = {**header, "columns": header["columns"][1:]}
    fewer["tag"] = independent.header_tag(epoch, fewer)
    for wire in (
        every_wire[:first] + every_wire[first + 1 :],
        [*every_wire, every_wire[first]],
        every_wire[:-3],
        [line({"zt": fewer}), *every_wire[1:]],
    ):
        decoder = independent.Decoder(keys)
        list(decoder.decrypt(wire))
        with pytest.raises(ValueError, match=r"records are missing|columns are missing"):
            decoder.batches[0].check_complete()


def test_wrong_records_are_noticed(
    every_wire: list[bytes], keys: independent.Keys, epoch: independent.Epoch
) -> None:
    """Records with right tags whose tokens, list, scheme or keyspace are not those of a field."""
    search = {independent.search_id([kind]) for kind in independent.PARAMETERS}
    schemes = {"det", "uri", "fpe", "fpe:6", "fpe:country", "ip", "pfx"}
    wrong = 0
    for raw in every_wire:
        kind, zt, _ = independent.parse(raw.rstrip(b"\n"))
        if kind != "value":
            continue
        found: list[Event] = [
            {"tokens": [*zt["tokens"], 2**32 - 1]},
            {"tokens": zt["tokens"][1:] or [1]},
            {"keyspace": "other"},
            *({"search": name} for name in sorted(search - {zt.get("search")})),
            *({"scheme": name} for name in sorted(schemes - {zt["scheme"]})),
        ]
        for change in found:
            changed = {**zt, **change}
            changed["tag"] = independent.value_tag(epoch, changed)
            with pytest.raises(ValueError, match="a value record of no field"):
                list(independent.Decoder(keys).decrypt([every_wire[0], line({"zt": changed})]))
            wrong += 1
    assert wrong > 100


# --- lines with right seals and tags that no encoder writes ----------------------------------

FORGED: Event = {
    "name": "forged",
    "derive": {"x.der": {"from": "u", "part": "host"}, "der": {"from": "u", "part": "user"}},
    "fields": {
        "a.b": {"scheme": "clear"},
        "c": {"scheme": "clear"},
        "d": {"scheme": "det"},
        "der": {"scheme": "clear"},
        "f": {"scheme": "fpe", "keep": 2},
        "g": {"scheme": "drop"},
        "h": {"scheme": "opaque"},
        "i": {"scheme": "ip"},
        "list": {"scheme": "clear"},
        "p": {"scheme": "ip", "mode": "pfx"},
        "t": {"scheme": "coarsen", "kind": "time", "step": 1_000_000},
        "u": {"scheme": "uri"},
        "x.*": {"scheme": "clear"},
        "x.der": {"scheme": "det"},
    },
}
NAME = independent.b64(bytes(range(16)))


@pytest.fixture(scope="module")
def epoch(keys: independent.Keys) -> independent.Epoch:
    (found,) = keys.epochs.values()
    return found


@pytest.fixture(scope="module")
def writer(keys: independent.Keys, epoch: independent.Epoch) -> independent.Writer:
    return independent.Writer(keys, epoch, ordered(FORGED))


Judge = Callable[..., list[Event] | None]


@pytest.fixture
def judge(shared_ring: Ring, writer: independent.Writer, exact: Exact) -> Judge:
    """What both decoders open of a line, or None where both refuse it; `body`: of an event."""

    def run(content: Event | bytes | None = None, **body: Any) -> list[Event] | None:
        good = independent.spell(writer.event(NAME, independent.Encoded({"c": 1}, [], [])))
        if content is None:
            content = writer.event(NAME, independent.Encoded(body, [], []))
        last = content if isinstance(content, bytes) else independent.spell(content)
        lines = [independent.spell(writer.header([])), good, good, good, last]
        rejects: list[DecryptReject] = []
        opened = list(Decoder(shared_ring, on_reject=rejects.append).decrypt(lines))[3:]
        decoder = independent.Decoder(writer.keys)
        if rejects:
            assert opened == []
            with pytest.raises((ValueError, KeyError)):
                list(decoder.decrypt(lines))
            return None
        assert exact(opened) == exact(list(decoder.decrypt(lines))[3:])
        return opened

    return run


URI, ADDRESS, NUMBER = "sip:bob@example.org", "2001:db8::1", "+49301234567"


@pytest.mark.parametrize(
    ("path", "value", "respelled"),
    [
        ("u", URI, str.upper),
        ("u", URI, lambda ct: ct.replace("sip:", "SIP:")),
        ("u", URI, lambda ct: ct.replace("sip:", "sips:")),
        ("u", URI, lambda ct: ct.replace("sip:", "sip:@")),
        ("u", URI, lambda ct: "sip:" + ct.partition("@")[2]),
        ("u", URI, lambda ct: "sip:@" + ct.partition("@")[2]),
        ("u", URI, lambda ct: ct.replace(".zt", "a.zt")),
        ("u", URI, lambda ct: ct.replace("@aea", "@aea.")),
        ("u", URI, lambda ct: ct.removesuffix(".zt.invalid")),
        ("u", URI, lambda ct: ct + "."),
        ("u", URI, lambda ct: ct + "\n"),
        ("u", URI, lambda ct: ct + ":5060"),
        ("u", URI, lambda ct: f"<{ct}>"),
        ("u", URI, lambda ct: URI),
        ("u", URI, lambda ct: "sip:"),
        ("u", "sip:" + "h" * 127, lambda ct: ct.replace(".", "", 1)),
        ("u", "tel:+4930", str.upper),
        ("u", "tel:+4930", lambda ct: ct.replace("tel:", "tel:+")),
        ("u", "tel:+4930", lambda ct: ct[:-1] + ("b" if ct[-1] == "a" else "a")),
        ("u", "tel:+4930", lambda ct: "tel:"),
        ("f", NUMBER, lambda ct: ct[:8]),
        ("f", NUMBER, lambda ct: "+" + ct),
        ("f", NUMBER, lambda ct: ct[:3] + " " + ct[3:]),
        ("f", NUMBER, lambda ct: ct + "0" * 257),
        ("f", NUMBER, lambda ct: ct[:-1] + "\u0661"),
        ("f", NUMBER, int),
        ("i", ADDRESS, lambda ct: f"[{ct}]"),
        ("i", ADDRESS, lambda ct: "0" + ct),
        ("i", ADDRESS, lambda ct: "2001:DB8::1"),
        ("i", ADDRESS, lambda ct: "2001:db8:0:0:0:0:0:1"),
        ("i", ADDRESS, lambda ct: "::ffff:192.0.2.1"),
        ("i", ADDRESS, lambda ct: "192.0.2.01"),
        ("i", ADDRESS, lambda ct: 1),
        ("p", ADDRESS, lambda ct: "2001:DB8::1"),
        ("p", ADDRESS, lambda ct: "::ffff:192.0.2.1"),
        ("d", "alice", lambda ct: "alice"),
        ("d", "alice", lambda ct: ct + "A"),
        ("t", "now", lambda ct: ct[:8]),
        *((path, None, lambda ct: None) for path in "dufip"),
        *((path, None, lambda ct: []) for path in "dufip"),
        *((path, None, lambda ct: {}) for path in "dufip"),
        *((path, None, lambda ct: True) for path in "dufip"),
    ],
)
def test_both_refuse_what_schemes_do_not_write(
    epoch: independent.Epoch, judge: Judge, path: str, value: Any, respelled: Callable[[Any], Any]
) -> None:
    field = independent.Field(epoch, path, FORGED["fields"][path])
    shown = None
    if value is not None:
        shown = field.protect(value).ciphertext
        assert judge(**{path: shown}) == [{path: field.open(shown)[1]}]
    assert judge(**{path: respelled(shown)}) is None


@pytest.mark.parametrize(
    "path",
    [
        "i",
        "p",
    ],
)
def test_a_mapped_ciphertext_stays_ipv6(epoch: independent.Epoch, judge: Judge, path: str) -> None:
    """Section 5: an IPv6 ciphertext that is IPv4-mapped stays IPv6."""
    field = independent.Field(epoch, path, FORGED["fields"][path])
    _, address = field.open("::ffff:102:304")
    assert judge(**{path: "::ffff:102:304"}) == [{path: address}]


@pytest.mark.parametrize(
    ("body", "opens"),
    [
        ({"h": 1}, False),
        ({"g": 1}, False),
        ({"g": {"a": 1}}, False),
        ({"other": 1}, False),
        ({"c": {"a": 1}}, False),
        ({"zt.x": 1}, False),
        ({"x": {"k" * 255: 1}}, False),
        ({"x": {"k" * 254: 1}}, True),
        ({"c": {}, "a": {"b": []}, "list": [None, 1.0]}, True),
        ({"a.b": 1}, True),
        ({"t": "2026-01-02T03:04:05.678Z"}, True),
        ({"t": [1, None, True]}, True),
    ],
)
def test_both_open_only_what_the_profile_shows(judge: Judge, body: Event, opens: bool) -> None:
    assert judge(**body) == ([body] if opens else None)


def test_both_remove_derived_fields_at_the_top_only(epoch: independent.Epoch, judge: Judge) -> None:
    host = independent.seal_det(epoch, "x.der", "example.org")
    assert judge(**{"c": 1, "x.der": [host], "der": "alice"}) == [{"c": 1}]
    assert judge(**{"c": 1, "x.der": "example.org"}) is None
    assert judge(c=1, x={"der": host}) is None
    assert judge(c=1, der={"x": 1}) is None


@pytest.mark.parametrize("text", cases.BLOBS)
def test_both_take_blobs(epoch: independent.Epoch, writer: Any, judge: Judge, text: str) -> None:
    plaintext = independent.pad(text.encode())
    blob = independent.seal_blob_text(epoch, NAME, plaintext)
    opened = judge(writer.event_with_blob(NAME, {"c": 1, "list": [1, 2]}, blob))
    assert opened is not None


@pytest.mark.parametrize("text", cases.NO_BLOBS)
def test_both_refuse_blobs(epoch: independent.Epoch, writer: Any, judge: Judge, text: str) -> None:
    blob = independent.seal_blob_text(epoch, NAME, independent.pad(text.encode()).ljust(32))
    assert judge(writer.event_with_blob(NAME, {"c": 1, "list": [1, 2]}, blob)) is None


def test_both_open_events_in_other_spellings(writer: independent.Writer, judge: Judge) -> None:
    event = {"a": {"b": 1.5}, "c": "\u00e9/", "list": [1, 1.0]}
    made = writer.event(NAME, independent.Encoded(event, [[["h"], 1]], []))
    meta = json.dumps(made["zt"], indent=1).replace("\n", " ").encode()
    body = rb'"list" : [1,\t10e-1], "c":"\u00e9\/", "a.b": 0.15e1'.replace(rb"\t", b"\t")
    opened = judge(b' {"zt": ' + meta + b", " + body + b"}\r\n")
    assert opened == [{"list": [1, 1.0], "c": "\u00e9/", "a.b": 1.5, "h": 1}]
    assert judge(b' {"zt": ' + meta + b", " + body.replace(b"10e-1", b"1") + b"}\r\n") is None


@pytest.mark.parametrize(
    "change",
    [
        *({"tokens": tokens} for tokens in ([2, 1], [1, 1], [2**32], [-1], [1.0], [True], "1")),
        *({"keyspace": keyspace} for keyspace in ("", "k" * 257, None, 1)),
        {"kind": "values"},
        {"scheme": None},
        {"search": "short"},
        {"kid": "CDFA6D56"},
        {"kid": "00000000"},
        {"ct": 5},
        {"more": 1},
    ],
    ids=repr,
)
def test_both_refuse_records(writer: independent.Writer, judge: Judge, change: Event) -> None:
    good = writer.record(independent.Record("i", "ip", None, "192.0.2.1"), [])
    assert judge(good) == []
    assert judge({"zt": {**good["zt"], "search": None}}) == []
    assert judge({"zt": {**good["zt"], **change}}) is None
    assert judge({**good, "beside": 1}) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"1",
        b"{}",
        b'{"c":1}',
        b'{"zt":1}',
        b'{"zt":{}}',
        b'{"zt":{"kind":"x"}}',
        b" ",
        b"\xff",
    ],
)
def test_both_refuse_other_lines(judge: Judge, raw: bytes) -> None:
    assert judge(raw) is None


@pytest.mark.parametrize("text", cases.PROFILES)
def test_both_take_profiles(text: str) -> None:
    content = independent.parse_profile(text.encode()).content
    assert Profile.model_validate(content).normalised().decode() == text


@pytest.mark.parametrize("text", cases.NO_PROFILES)
def test_both_refuse_profiles(keys: independent.Keys, judge: Judge, text: str) -> None:
    """In a file, and as `edge` of a header whose tag is right."""
    with pytest.raises(ValueError):  # noqa: PT011  # its reasons are nobody's business
        independent.parse_profile(text.encode())
    with pytest.raises(ValueError):  # noqa: PT011
        Profile.model_validate(json.loads(text))
    (epoch,) = keys.epochs.values()
    assert judge(independent.Writer(keys, epoch, text).header([])) is None


@pytest.mark.parametrize(
    ("raw", "accepted"),
    [
        (b"{}", True),
        (b' {"a" : [ ] } ', True),
        (b"\xef\xbb\xbf{}", False),
        (b"[]", False),
        (b"1", False),
        (b"{}{}", False),
        (b'{"a":1,}', False),
        (b"{a:1}", False),
        (b'{"a":01}', False),
        (b'{"a":+1}', False),
        (b'{"a":.5}', False),
        (b'{"a":1.}', False),
        (b'{"a":-0}', True),
        (b'{"a":1E+5}', True),
        (b'{"a":1e400}', False),
        (b'{"a":-1e400}', False),
        (b'{"a":1e-400}', True),
        (b'{"a":NaN}', False),
        (b'{"a":Infinity}', False),
        (b'{"a":' + b"9" * 4300 + b"}", True),
        (b'{"a":-' + b"9" * 4300 + b"}", False),
        (b'{"a":' + b"9" * 4301 + b"}", False),
        (b'{"a":"\x01"}', False),
        (b'{"a":"\x7f"}', True),
        (b'{"a":"\xff"}', False),
        (b'{"a":"\xed\xa0\x80"}', False),
        (rb'{"a":"\ud800"}', False),
        (rb'{"a":"\udc00x"}', False),
        (rb'{"\ud800":1}', False),
        (rb'{"a":"\ud83d\ude00"}', True),
        (rb'{"a":"\u0000"}', True),
        (rb'{"a":"\x41"}', False),
        (rb'{"a":1,"\u0061":2}', False),
        (rb'{"x":[{"a":1,"a":1}]}', False),
        (b'{"a":{"b":1},"a.b":2}', False),
        (b'{"a.b":{"c":1},"a":{"b.c":2}}', False),
        (b'{"x":[[{"a":{"b":1},"a.b":2}]]}', False),
        (b'{"a":{"b":1},"a.c":2}', True),
        (b'{"a":1,"a.b":2}', True),
        (b'{"a":{},"a.b":2}', True),
        (b'{"x":[{"a":1},{"a":1}]}', True),
        (b'{"zt":1}', False),
        (b'{"zt":{"id":1}}', False),
        (b'{"zt.id":1}', False),
        (b'{"zt.":1}', False),
        (rb'{"\u007at.id":1}', False),
        (b'{"a":{"zt":1,"zt.id":1},"ztx":1,"zt:id":1,"ZT":1}', True),
        (b'{"a":' + b"[" * 127 + b"]" * 127 + b"}", True),
        (b'{"a":' + b"[" * 128 + b"]" * 128 + b"}", False),
        (b'{"a":' * 128 + b"1" + b"}" * 128, True),
        (b'{"a":' * 129 + b"1" + b"}" * 129, False),
        (b'{"a":"' + b"x" * (8 * 1024 * 1024 - 8) + b'"}', True),
        (b'{"a":"' + b"x" * (8 * 1024 * 1024 - 7) + b'"}', False),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_both_take_and_refuse_the_same_plaintext(raw: bytes, accepted: bool, exact: Exact) -> None:
    if accepted:
        assert exact(read_event(raw)) == exact(independent.read_event(raw))
        return
    with pytest.raises(EventError):
        read_event(raw)
    with pytest.raises(ValueError):  # noqa: PT011  # its reasons are nobody's business
        independent.read_event(raw)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=500)
@given(json_values)
def test_compact_json(value: Any) -> None:
    assert independent.compact(value).encode() == msgspec.json.encode(value)
    sorted_text = independent.compact(value, ordered=True).encode()
    assert sorted_text == msgspec.json.encode(value, order="sorted")


@settings(max_examples=500)
@given(st.integers(-330, 308), st.integers(1, 10**17))
def test_floats_of_every_size(exponent: int, digits: int) -> None:
    value = float(f"0.{digits}e{exponent}")
    assert independent.float_text(value).encode() == msgspec.json.encode(value)


def test_the_table_of_newer_code_points_is_unicode_14() -> None:
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("this interpreter does not know which code points Unicode 14 lacks")
    table = Path(__file__).parents[3] / "zt" / "crypto" / "unicode14_unassigned.txt"
    listed: set[int] = set()
    for span in table.read_text("ascii").split():
        low, high = span.split("-")
        listed |= set(range(int(low, 16), int(high, 16) + 1))
    assert listed == {c for c in range(0x110000) if unicodedata.category(chr(c)) == "Cn"}
