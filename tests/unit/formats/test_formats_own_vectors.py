"""Known answers of our own: product, second decoder and docs/formats.md agree with them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support import independent
from unit.formats import own_vectors
from unit.formats.own_vectors import NAMES, compute, fixed_ring, load, spell

from keys import Ring
from zt.encoder import Decoder
from zt.encoder.rejects import open_rejects

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"


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


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_det(epoch: independent.Epoch) -> None:
    for vector in load("det")["vectors"]:
        value = independent.read_json(vector["value"].encode())
        assert b"".join(independent.type_and_bytes(value)).hex() == vector["plaintext"]
        assert independent.seal_det(epoch, vector["keyspace"], value) == vector["ciphertext"]
        opened = independent.open_det(epoch, vector["keyspace"], vector["ciphertext"])
        assert independent.compact(opened) == vector["value"]


def test_opaque(epoch: independent.Epoch) -> None:
    for vector in load("opaque")["vectors"]:
        entries = independent.read_json(vector["entries"].encode())
        assert independent.seal_blob(epoch, vector["event_id"], entries) == vector["blob"]
        opened = independent.open_blob(epoch, vector["event_id"], vector["blob"])
        assert independent.compact(opened) == vector["entries"]


def test_search(epoch: independent.Epoch) -> None:
    content = load("search")
    assert independent.search_id(["gram"]) == content["search"]
    for vector in content["vectors"]:
        assert independent.fold(vector["text"]) == vector["folded"]
        tokens = independent.gram_tokens(epoch, content["keyspace"], vector["text"])
        assert tokens == vector["tokens"]


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


def test_wire(ring: Ring, keys: independent.Keys, epoch: independent.Epoch) -> None:
    content = load("wire")
    lines = [line.encode() for line in content["lines"]]
    opened = list(independent.Decoder(keys).decrypt(lines))
    assert opened == list(Decoder(ring).decrypt(lines))
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


def test_the_page_quotes_the_vectors() -> None:
    vectors = "".join((own_vectors.FOLDER / f"{name}.json").read_text() for name in NAMES)
    quoted = set(re.findall(r"`([A-Za-z0-9_-]{18,})`", PAGE.read_text()))
    quoted -= {"AEIMQUYcgkosw048"}
    assert len(quoted) >= 20
    assert {text for text in quoted if text not in vectors} == set()


def test_the_page_quotes_ids_of_keys(epoch: independent.Epoch) -> None:
    page = PAGE.read_text()
    prefix = independent.b64(b"\x01\x01" + epoch.kid)
    assert f"for kid `{epoch.kid.hex()}` they are `{prefix}`" in page
    assert independent.lp(b"kid").hex() in page
    label = independent.lp(b"det", b"", independent.uint32(64)).hex()
    words = " ".join(f"`{word}`" for word in (label[:8], label[8:14], label[14:22], label[22:30]))
    assert f"{words} `{label[30:]}`" in page


def test_the_page_shows_the_tokens_of_a_gram(epoch: independent.Epoch) -> None:
    rows = re.findall(r"\| `(\d\d) 00000061 00000062 00000063` \| (\d+) \|", PAGE.read_text())
    assert [flags for flags, _ in rows] == ["00", "01", "02"]
    tokens = sorted(int(token) for _, token in rows)
    assert independent.gram_tokens(epoch, "sip.identity", "abc") == tokens
    plain = set(independent.gram_tokens(epoch, "sip.identity", "xabcx")) & set(tokens)
    assert plain == {int(rows[0][1])}
    starts = set(independent.gram_tokens(epoch, "sip.identity", "abcx")) & set(tokens)
    assert starts - plain == {int(rows[1][1])}


def test_the_page_shows_what_a_seal_covers() -> None:
    """The example's words, hexadecimal and quoted, are the message up to the shortened blob."""
    example = PAGE.read_text().partition("the third event of `wire.json`")[2].split("\n\n")[2]
    message = b""
    for word in re.findall(r'"[^"]+"|[0-9a-f]+', example):
        message += word.strip('"').encode() if word[0] == '"' else bytes.fromhex(word)
    lines = [line.encode() for line in load("wire")["lines"]]
    events = [parsed for parsed in map(independent.parse, lines) if parsed[0] == "event"]
    _, zt, body = events[2]
    shortened = message.removesuffix(b"...")
    assert shortened != message
    assert independent.seal_message(body, zt).startswith(shortened)
    assert f"`{zt['seal']}`" in PAGE.read_text()
