"""Known answers of our own: product, second decoder and docs/formats.md agree with them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import independent
from support.independent import page
from support.independent.keys import NET
from support.vectors import vectors
from unit.formats import own_vectors
from unit.formats.own_vectors import NAMES, compute, fixed_ring, load, spell

from keys import Ring
from zt.encoder import Decoder
from zt.encoder.rejects import open_rejects

STREAMS = ["wire", "mixed", "every_scheme"]
"""Files that hold whole streams."""


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    """The ring that the vectors were made with."""
    return fixed_ring(tmp_path_factory.mktemp("fixed"))


@pytest.fixture(scope="module")
def keys() -> independent.Keys:
    """The same ring, read from the vectors by the second decoder."""
    content = load("keys")
    return independent.Keys(content["ring_file"].encode(), content["key_file"].encode())


@pytest.fixture(scope="module")
def epoch(keys: independent.Keys) -> independent.Epoch:
    (found,) = keys.epochs.values()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_product_gives_the_known_answers(name: str, ring: Ring) -> None:
    assert compute(name, ring) == load(name)


def test_every_file_is_known_and_spelled_by_its_maker() -> None:
    assert {path.stem for path in own_vectors.FOLDER.iterdir()} == set(NAMES)
    for name in NAMES:
        assert (own_vectors.FOLDER / f"{name}.json").read_bytes() == spell(load(name))


def test_a_file_without_vectors_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_vectors, "FOLDER", tmp_path)
    contents: list[dict[str, Any]] = [{"vectors": []}, {}, {"vectors": [1], "more": []}]
    for content in contents:
        (tmp_path / "det.json").write_text(json.dumps({"provenance": "x", **content}))
        with pytest.raises(AssertionError, match="list of vectors"):
            load("det")


def test_keys(keys: independent.Keys, epoch: independent.Epoch) -> None:
    content = load("keys")
    assert epoch.root.hex() == content["root"]
    assert keys.id_key.hex() == content["id_key"]
    for vector in content["vectors"]:
        match vector["what"]:
            case "kid":
                assert epoch.kid.hex() == vector["hex"]
            case "kcv":
                assert epoch.kcv.hex() == vector["hex"]
            case "keyspace":
                assert sha256(epoch.keyspace(vector["keyspace"])) == vector["sha256"]
            case "subkey":
                key = epoch.subkey(
                    vector["keyspace"],
                    vector["purpose"].encode(),
                    vector["length"],
                    bytes.fromhex(vector["params"]),
                )
                assert sha256(key) == vector["sha256"]
            case "tenant":
                assert sha256(keys.tenant_subkey(vector["purpose"].encode())) == vector["sha256"]
            case other:
                pytest.fail(f"a vector of {other}")


def test_a_reader_ring(keys: independent.Keys, epoch: independent.Epoch) -> None:
    content = load("keys")
    given = content["reader_file"].encode(), content["key_file"].encode()
    reader = independent.ReaderKeys(*given)
    assert reader.names == {
        name: keys.tenant_subkey(name.encode()) for name in ("job-version", "profile-id")
    }
    granted = ["sip.identity", "zt:profile", "zt:seal", "é"]
    assert reader.keyspaces == {epoch.kid.hex(): {name: epoch.keyspace(name) for name in granted}}
    for place in range(len(given[0])):
        altered = given[0][:place] + bytes([given[0][place] ^ 1]) + given[0][place + 1 :]
        with pytest.raises((ValueError, KeyError)):
            independent.ReaderKeys(altered, given[1])


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_det(epoch: independent.Epoch) -> None:
    for vector in load("det")["vectors"]:
        value = independent.read_json(vector["value"].encode())
        assert b"".join(independent.type_and_bytes(value)).hex() == vector["plaintext"]
        assert independent.seal_det(epoch, vector["keyspace"], value) == vector["ciphertext"]
        opened = independent.open_det(epoch, vector["keyspace"], vector["ciphertext"])
        assert independent.compact(opened) == vector["value"]


def test_schemes(epoch: independent.Epoch) -> None:
    schemes: Counter[str] = Counter()
    for vector in load("schemes")["vectors"]:
        value = independent.read_json(vector["value"].encode())
        field = independent.Field(epoch, vector["keyspace"], vector["rule"])
        made = field.protect(value)
        assert made.scheme == vector["scheme"]
        assert independent.compact(made.canonical) == vector["canonical"]
        assert independent.compact(made.ciphertext) == independent.compact(vector["ciphertext"])
        assert (independent.compact(made.canonical) == vector["value"]) == vector["is_exact"]
        assert field.open(vector["ciphertext"]) == (made.scheme, made.canonical)
        schemes[made.scheme] += 1
    assert min(schemes[scheme] for scheme in ("uri", "fpe", "ip", "pfx", "coarsen", "det")) >= 4


def test_ff1_of_nist() -> None:
    content = json.loads((own_vectors.FOLDER.parent / "ff1_nist.json").read_bytes())
    for vector in vectors("ff1_nist.json"):
        ff1 = independent.Ff1(bytes.fromhex(vector["key"]), vector["radix"])
        tweak = bytes.fromhex(vector["tweak"])
        plain, sealed = (
            [content["alphabet"].index(numeral) for numeral in vector[key]]
            for key in ("plaintext", "ciphertext")
        )
        assert ff1.encrypt(plain, tweak) == sealed
        assert ff1.decrypt(sealed, tweak) == plain


def test_ipcrypt_pfx_of_the_draft() -> None:
    for vector in vectors("ipcrypt_pfx.json"):
        key = bytes.fromhex(vector["key"])
        address = independent.parse_address(vector["ip"])
        assert address
        sealed = independent.pfx_encrypt(key, address)
        assert independent.spell_address(sealed) == vector["encrypted_ip"]
        assert independent.pfx_decrypt(key, sealed) == address
    with pytest.raises(ValueError, match="no key"):
        independent.pfx_encrypt(bytes(32), bytes(4))


def test_opaque(epoch: independent.Epoch) -> None:
    with_originals = 0
    for vector in load("opaque")["vectors"]:
        entries = independent.read_json(vector["entries"].encode())
        originals = independent.read_json(vector["originals"].encode())
        name = vector["event_id"]
        assert independent.seal_blob(epoch, name, entries, originals) == vector["blob"]
        opened = independent.open_blob(epoch, name, vector["blob"])
        assert [independent.compact(part) for part in opened] == [
            vector["entries"],
            vector["originals"],
        ]
        with_originals += bool(originals)
    assert with_originals >= 3


def test_search(epoch: independent.Epoch) -> None:
    content = load("search")
    for one in content["lists"]:
        assert independent.search_id(one["kinds"]) == one["search"]
        assert independent.SEARCH_LISTS[one["search"]] == tuple(sorted(one["kinds"]))
    for vector in content["vectors"]:
        keyspace, kind, text = vector["keyspace"], vector["kind"], vector["text"]
        assert independent.fold(text) == vector["folded"]
        assert independent.tokens(epoch, keyspace, [kind], text) == vector["tokens"]
    assert {vector["kind"] for vector in content["vectors"]} == set(independent.PARAMETERS)


def test_tags(epoch: independent.Epoch) -> None:
    records = load("tags")["vectors"]
    for record in records:
        assert independent.value_tag(epoch, record) == record["tag"]
        kinds = independent.SEARCH_LISTS.get(record["search"], ())
        field = independent.Field(epoch, "client.ip", {"scheme": "ip", "keyspace": "address"})
        scheme, opened = field.open(record["ct"])
        assert (scheme, opened) == (record["scheme"], "192.0.2.1")
        right = independent.tokens(epoch, record["keyspace"], kinds, opened)
        assert right == record["tokens"]
    assert {bool(record["search"]) for record in records} == {True, False}


def test_names(keys: independent.Keys) -> None:
    content = load("names")
    for vector in content["event_ids"]:
        stream, event = bytes.fromhex(vector["stream"]), vector["event"].encode()
        assert independent.event_id(keys, stream, vector["position"], event) == vector["id"]
    for vector in content["stream_names"]:
        assert independent.stream_name(vector["first_line"].encode()).hex() == vector["hex"]
    profile, job, finding = content["profile"], content["job"], content["finding"]
    assert independent.profile_id(keys, profile["text"]) == profile["id"]
    assert independent.job_version(keys, job["text"]) == job["version"]
    parts = {key: value for key, value in finding.items() if key != "id"}
    assert independent.finding_id(**parts) == finding["id"]


def test_rejects(ring: Ring, epoch: independent.Epoch) -> None:
    for vector in load("rejects")["vectors"]:
        record, raw = vector["record"], vector["raw"].encode()
        assert independent.open_reject(epoch, record) == raw
        line = json.dumps({"zt": record}).encode()
        assert list(open_rejects([line], ring)) == [(record["line"], record["reason"], raw)]


@pytest.mark.parametrize("name", STREAMS)
def test_wire(name: str, ring: Ring, keys: independent.Keys, epoch: independent.Epoch) -> None:
    content = load(name)
    lines = [line.encode() for line in content["lines"]]
    decoder = independent.Decoder(keys)
    opened = list(decoder.decrypt(lines))
    assert opened == list(Decoder(ring).decrypt(lines))
    for batch in decoder.batches:
        batch.check_complete()
    found: dict[str, list[Any]] = {"header_tags": [], "value_tags": [], "seals": []}
    for line in lines:
        kind, zt, body = independent.parse(line.rstrip(b"\n"))
        match kind:
            case "batch":
                found["header_tags"].append(independent.header_tag(epoch, zt))
            case "value":
                tag = independent.value_tag(epoch, zt)
                found["value_tags"].append({"ct": zt["ct"], "tag": tag})
            case _:
                seal = independent.event_seal(epoch, body, zt)
                found["seals"].append({"id": zt["id"], "seal": seal})
    assert found == {key: content[key] for key in found}


@pytest.mark.parametrize("name", STREAMS)
def test_a_second_encoder_writes_the_same_wire(
    name: str, keys: independent.Keys, epoch: independent.Epoch
) -> None:
    content = load(name)
    lines = [independent.read_json(line.encode()) for line in content["lines"]]
    events = {line["zt"]["id"]: line for line in lines if "id" in line["zt"]}
    writer = independent.Writer(keys, epoch, content["profile"])
    stream, data = content["stream"].encode(), "".join(content["input"]).encode()
    written = list(writer.stream(stream, data, lambda name: events[name]))
    assert len(events) == sum("id" in line["zt"] for line in written) > 0
    assert sorted(map(ordered, written)) == sorted(map(ordered, lines))


def ordered(line: Any) -> str:
    return independent.compact(line, ordered=True)


def test_the_page_quotes_the_vectors() -> None:
    vectors = "".join((own_vectors.FOLDER / f"{name}.json").read_text() for name in NAMES)
    quoted = set(re.findall(r"`([A-Za-z0-9_-]{18,})`", page.PAGE.read_text()))
    quoted -= {"AEIMQUYcgkosw048"}
    assert len(quoted) >= 20
    assert {text for text in quoted if text not in vectors} == set()


def test_the_page_quotes_ids_of_keys(epoch: independent.Epoch) -> None:
    text = page.PAGE.read_text()
    prefix = independent.b64(b"\x01\x01" + epoch.kid)
    assert f"for kid `{epoch.kid.hex()}` they are `{prefix}`" in text
    assert independent.lp(b"kid").hex() in text
    label = independent.label(b"det", 64).hex()
    words = " ".join(f"`{word}`" for word in (label[:8], label[8:14], label[14:22], label[22:30]))
    assert f"{words} `{label[30:]}`" in text
    (net,) = page.blocks(page.section("4. Key derivation"))
    assert bytes.fromhex(net) == independent.label(b"net", 32, NET)
    assert f"KCV `{epoch.kcv.hex()}`" in text


def unquote(cell: str) -> str:
    (text,) = page.quoted(cell)
    return text


def test_the_page_shows_det(epoch: independent.Epoch) -> None:
    rows = page.table(page.section("Types of scalars"), "value")
    for value, plaintext, ciphertext in (map(unquote, row) for row in rows):
        scalar = independent.read_json(value.encode())
        assert b"".join(independent.type_and_bytes(scalar)).hex() == plaintext
        assert independent.seal_det(epoch, "sip.identity", scalar) == ciphertext
    assert {row[0] for row in rows} >= {'`"alice"`', "`-1`", "`1.0`", "`true`"}


def test_the_page_shows_uris(epoch: independent.Epoch) -> None:
    text = page.section("`uri`")
    rows = page.table(text, "value")
    field = independent.Field(epoch, "sip.identity", {"scheme": "uri"})
    for row in rows:
        value, ciphertext = unquote(row[0]), unquote(row[2])
        canonical = value if row[1] == "the same" else unquote(row[1])
        assert field.protect(value) == ("uri", canonical, ciphertext)
        assert field.open(ciphertext) == ("uri", canonical)
    assert len(rows) >= 6
    bytes_of = [bytes.fromhex(line) for line in page.blocks(text)[-1].splitlines()]
    user, _, host = unquote(rows[0][2]).removeprefix("sip:").partition("@")
    name = host.removesuffix(".zt.invalid").replace(".", "")
    assert bytes_of == [independent.unb32(name), independent.unb32(user)]


def test_the_page_shows_digits(epoch: independent.Epoch) -> None:
    rows = page.table(page.section("`fpe`"), "value")
    count = 0
    for value, keeps, tweak, ciphertext in rows:
        scalar = independent.read_json(unquote(value).encode())
        for keep in keeps.split(" or "):
            rule = {"scheme": "fpe", "keep": "country" if keep == "`country`" else int(keep)}
            field = independent.Field(epoch, "phone", rule)
            made = field.protect(scalar)
            by = f"fpe:{rule['keep']}" if rule["keep"] else "fpe"
            assert made == (by, str(scalar), unquote(ciphertext))
            clear = independent.clear_part(str(scalar), rule["keep"])
            assert clear is not None
            assert field.fpe_tweak(clear) == bytes.fromhex(unquote(tweak))
            count += 1
    assert count >= 7


def test_the_page_shows_the_rounds_of_ff1(epoch: independent.Epoch) -> None:
    (block,) = page.blocks(page.section("FF1"))[-1:]
    key, tweak = epoch.subkey("phone", b"fpe", 32), bytes.fromhex("0000000570686f6e652b3439")
    ff1 = independent.Ff1(key, 10)
    rounds = list(ff1.rounds([int(c) for c in "30901820"], tweak))
    assert bytes.fromhex(block.partition("P = ")[2].partition("\n")[0]) == ff1.first_block(8, tweak)
    rows = re.findall(r"^(\d) +(\d{4}) +(\d{4}) +([0-9a-f ]+) ([0-9a-f]{16})$", block, re.M)
    assert [int(row[0]) for row in rows] == [0, 1, 2, 9]
    for number, a, b, message, stream in rows:
        assert rounds[int(number)] == (int(a), int(b))
        assert ff1.message(8, tweak, int(number), int(b)) == bytes.fromhex(message)
        assert ff1.stream(8, tweak, int(number), int(b)) == bytes.fromhex(stream)
    assert [int(half) for half in block.split()[-2:]] == list(rounds[10])


def test_the_page_shows_addresses(epoch: independent.Epoch) -> None:
    text = page.section("ipcrypt-pfx")
    rows = page.table(text, "address")
    first = b""
    for addresses, how, start, ciphertext in rows:
        mode, keyspace = page.quoted(how)
        field = independent.Field(epoch, keyspace, {"scheme": "ip", "mode": mode})
        first = first if start == "the same" else bytes.fromhex(unquote(start))
        for value in page.quoted(addresses):
            made = field.protect(value)
            assert made.ciphertext == unquote(ciphertext)
            address = independent.parse_address(made.canonical)
            assert address
            p = independent.pfx_start(address).to_bytes(16, "big")
            assert first == (p if mode == "pfx" else field.ip_tweak(address))
    assert Counter(page.quoted(row[1])[0] for row in rows) == {"fpe": 3, "pfx": 5}
    ff1 = independent.Ff1(epoch.subkey("address", b"ip", 32), 2)
    field = independent.Field(epoch, "address", {"scheme": "ip"})
    blocks = page.blocks(text)[-1].replace("|", "").splitlines()
    for place, value in enumerate(["192.0.2.1", "2001:db8::1"]):
        address = independent.parse_address(value)
        assert address
        tweak, bits = field.ip_tweak(address), independent.bits(address)
        half = ff1.number(bits[len(bits) // 2 :])
        assert bytes.fromhex(blocks[2 * place]) == ff1.first_block(len(bits), tweak)
        assert bytes.fromhex(blocks[2 * place + 1]) == ff1.message(len(bits), tweak, 0, half)


def test_the_page_shows_rounding(epoch: independent.Epoch) -> None:
    rows = page.table(page.section("`coarsen`"), "value")
    for value, how, shown in rows:
        kind, step = re.fullmatch(r"`(\w+)`, (\d+)", how).groups()  # type: ignore[union-attr]
        rule = {"scheme": "coarsen", "kind": kind, "step": int(step)}
        made = independent.Field(epoch, "x", rule).protect(json.loads(unquote(value)))
        assert made.scheme == "coarsen"
        assert independent.compact(made.ciphertext) == unquote(shown)
    assert {row[1].partition(",")[0] for row in rows} == {"`time`", "`number`"}


def test_the_page_shows_blobs(epoch: independent.Epoch) -> None:
    text = page.section("6. Opaque blob")
    name = independent.b64(bytes(range(16)))
    assert f"event id `{name}`" in text
    assert f"`{independent.seal_blob(epoch, name, [], [])}`" in text
    plaintext = page.blocks(text)[-1].strip()
    content = independent.read_json(plaintext.encode())
    assert independent.compact(content) == plaintext
    blob = independent.seal_blob(epoch, name, content["o"], content["r"])
    hidden, originals = independent.open_blob(epoch, name, blob)
    assert (hidden, len(originals)) == ([], 2)


def test_the_page_shows_event_ids(keys: independent.Keys) -> None:
    for position, name in page.table(page.section("7. Event ids"), "position"):
        assert independent.event_id(keys, b"lab", int(position), b'{"a":1}') == unquote(name)


def test_the_page_shows_a_whole_event(keys: independent.Keys, epoch: independent.Epoch) -> None:
    """The example `mixed`: profile, event, what it becomes, its blob and its records."""
    text = page.section("Example")
    blocks = ["".join(map(str.strip, block.splitlines())) for block in page.blocks(text)]
    plain, event, shown, blob = blocks
    content = load("mixed")
    assert plain == content["profile"]
    assert [event] == content["input"]
    profile = independent.parse_profile(plain.encode())
    made = independent.EventEncoder(epoch, profile).encode(json.loads(event), {})
    assert independent.compact({"o": made.hidden, "r": made.originals}) == blob
    line = independent.compact({**made.body, "zt": {}})
    pieces = [re.escape(piece) for piece in shown.replace('"zt":{...}', '"zt":{}').split("...")]
    assert re.fullmatch('[^"]*'.join(pieces), line)
    records = [independent.parse(line.encode())[1] for line in content["lines"]]
    named = re.findall(r"`(fpe:country|ip)` `([^`]+)`", text)
    found = [(zt["scheme"], zt["ct"]) for zt in records if zt.get("kind") == "value"]
    det, *others = found
    assert others == named
    assert independent.open_det(epoch, "address", det[1]) == "unknown"


def test_the_page_shows_search_lists() -> None:
    text = page.section("Search list")
    for kind, parameters, name in page.table(text, "kind"):
        assert independent.compact(independent.PARAMETERS[unquote(kind)]) == unquote(parameters)
        assert independent.search_id([unquote(kind)]) == unquote(name)
    both = ["gram", "whole"]
    assert f"`{independent.search_text(both)}`" in text
    for kinds in (both, ["gram", "net", "prefix", "whole"]):
        assert f"`{independent.search_id(kinds)}`" in text


def test_the_page_shows_the_tokens_of_a_gram(epoch: independent.Epoch) -> None:
    rows = page.table(page.section("Gram tokens"), "block")
    shown = {bytes.fromhex(unquote(block)): int(token) for block, token in rows}
    assert shown.keys() == independent.messages("gram", "abc")
    for message, token in shown.items():
        assert independent.token(epoch, "sip.identity", "gram", message) == token
    tokens = independent.tokens(epoch, "sip.identity", ["gram"], "abc")
    assert tokens == sorted(shown.values())


def test_the_page_shows_the_other_tokens(epoch: independent.Epoch) -> None:
    text = page.section("Prefix, whole and net tokens")
    shown: dict[tuple[str, str, str], dict[bytes, int]] = {}
    kind = keyspace = value = ""
    for how, of, message, token in page.table(text, "kind, keyspace"):
        kind, keyspace = page.quoted(how) or (kind, keyspace)
        value = unquote(of) if of else value
        own = shown.setdefault((kind, keyspace, value), {})
        own[bytes.fromhex(unquote(message))] = int(token)
    assert {key[0] for key in shown} == {"prefix", "whole", "net"}
    for (kind, keyspace, value), own in shown.items():
        assert own.keys() == independent.messages(kind, value)
        for raw, number in own.items():
            assert independent.token(epoch, keyspace, kind, raw) == number
        assert independent.tokens(epoch, keyspace, [kind], value) == sorted(own.values())


def test_the_page_shows_value_tags(epoch: independent.Epoch) -> None:
    text = page.section("Value tag")
    first = next(zt for zt in map(record_of, load("wire")["lines"]) if zt)
    assert f"`{independent.value_tag(epoch, first)}`" in text
    record: dict[str, Any] = {"keyspace": "address", "scheme": "ip", "ct": "28.205.226.41"}
    message = page.quoted_message(page.blocks(text)[-1])
    assert independent.value_message(epoch, record) == message
    assert f"`{independent.value_tag(epoch, record)}`" in text
    record["search"] = independent.search_id(["net"])
    record["tokens"] = independent.tokens(epoch, "address", ["net"], "192.0.2.1")
    listed = page.section("Prefix, whole and net tokens").partition("So the record of")[2]
    assert "{}, {}, {}".format(*record["tokens"]) in " ".join(listed.split())
    assert f"`{independent.value_tag(epoch, record)}`" in listed


def record_of(line: str) -> dict[str, Any]:
    kind, zt, _ = independent.parse(line.rstrip().encode())
    return zt if kind == "value" else {}


def test_the_page_shows_which_pattern_wins() -> None:
    text = " ".join(page.section("Patterns").partition("Example:")[2].split())
    assert "of `*`, `app_*` and `app_proto_*` the last wins for `app_proto_tc`, the second" in text
    rule = {"scheme": "clear"}
    content = {"name": "p", "fields": {"*": rule, "app_*": rule, "app_proto_*": rule}}
    profile = independent.Profile(content)
    assert profile.key_of("app_proto_tc") == "app_proto_*"
    assert profile.key_of("app_proto") == "app_*"
    assert profile.key_of("host") == "*"
    assert profile.key_of("a.b") is None


def test_the_page_shows_what_a_seal_covers() -> None:
    """The example's words, hexadecimal and quoted, are the message up to the shortened blob."""
    example = page.PAGE.read_text().partition("the third event of `wire.json`")[2].split("\n\n")[2]
    message = page.quoted_message(example)
    lines = [line.encode() for line in load("wire")["lines"]]
    events = [parsed for parsed in map(independent.parse, lines) if parsed[0] == "event"]
    _, zt, body = events[2]
    shortened = message.removesuffix(b"...")
    assert shortened != message
    assert independent.seal_message(body, zt).startswith(shortened)
    assert f"`{zt['seal']}`" in page.PAGE.read_text()
