"""Edge cases of AES-SIV in the manner of Wycheproof, made by the implementation in `plain_siv`.

They are written only by hand, with

    PYTHONPATH=tests python -m unit.crypto.siv_edges

from the repository's root; a test says whether the file is still what this module makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from support.vectors import FOLDER
from unit.crypto import plain_siv
from unit.crypto.plain_siv import BLOCK, dbl, xor

PATH = FOLDER / "aes_siv_edges.json"
COMMAND = "PYTHONPATH=tests python -m unit.crypto.siv_edges"
PROVENANCE = [
    (
        "Not published vectors: made for this product in the manner of Wycheproof, whose file is"
        " aes_siv_cmac_test.json (https://github.com/C2SP/wycheproof), by the plain implementation"
        " of RFC 5297 in tests/unit/crypto/plain_siv.py, not by the library that they test;"
        f" written by: {COMMAND}"
    ),
    (
        "When they were made, that implementation gave the answers of RFC 5297, of 15 valid and 3"
        " invalid tests of Wycheproof with keys of 32 and 64 bytes, and of 4 vectors that other"
        " projects quote, 3 of them with 64 bytes, one of these with 3 components; the 10 vectors"
        " with a chosen SIV and a message of one block are also tests 325 to 334 of Wycheproof"
    ),
]
KEY = bytes(range(64))
HEADER = bytes.fromhex("0101c0ffee00")  # of the shape of an envelope's
KEYSPACE = b"sip.identity"
AADS = [HEADER, KEYSPACE]
MESSAGE = b"salice@example.org"
CHOSEN = {
    "all zeros": bytes(16),
    "all ones": b"\xff" * 16,
    "all ones but the last": b"\xff" * 15 + b"\xfe",
    "all ones but bit 31, which the counter leaves out": b"\xff" * 12 + b"\x7f\xff\xff\xff",
    "all ones but bit 63, which the counter leaves out": b"\xff" * 8 + b"\x7f" + b"\xff" * 7,
}

Vector = dict[str, Any]


def vector(
    comment: str, aads: Sequence[bytes], message: bytes, ciphertext: bytes, key: bytes = KEY
) -> Vector:
    """A vector without its result."""
    return {
        "comment": comment,
        "key": key.hex(),
        "aads": [aad.hex() for aad in aads],
        "msg": message.hex(),
        "ct": ciphertext.hex(),
    }


def right(comment: str, aads: Sequence[bytes], message: bytes, key: bytes = KEY) -> Vector:
    """A vector with the ciphertext of its message."""
    return vector(comment, aads, message, plain_siv.encrypt(key, aads, message), key)


def message_of(siv: bytes, aads: Sequence[bytes], prefix: bytes = b"") -> bytes:
    """The message that has this SIV: whole blocks as given, and one block that is solved for."""
    mac_key = KEY[:32]
    aes = Cipher(algorithms.AES(mac_key), modes.ECB())
    encrypt, decrypt = aes.encryptor(), aes.decryptor()
    k1, state = dbl(encrypt.update(bytes(BLOCK))), bytes(BLOCK)
    for at in range(0, len(prefix), BLOCK):  # CMAC is a CBC-MAC with K1 in its last block
        state = encrypt.update(xor(state, prefix[at : at + BLOCK]))
    last = xor(xor(decrypt.update(siv), k1), state)
    message = prefix + xor(last, plain_siv.chain(mac_key, aads))
    assert plain_siv.s2v(mac_key, aads, message) == siv
    return message


def valid() -> Iterator[Vector]:
    """What must encrypt and decrypt so."""
    yield right("message of one byte", AADS, b"x")
    for size in (2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 80):
        yield right(f"message of {size} bytes", AADS, bytes(range(size)))
    for size in (15, 16, 17, 32):
        yield right(f"no component, message of {size} bytes", [], bytes(range(size)))
        yield right(f"one empty component, message of {size} bytes", [b""], bytes(range(size)))
        yield right(f"component of {size} bytes", [bytes(range(size))], MESSAGE)
    yield right("no component, message of one byte", [], b"x")
    yield right("one empty component, message of one byte", [b""], b"x")
    yield right("component of one byte", [b"x"], MESSAGE)
    yield right("message of zeros", AADS, bytes(32))
    yield right("two empty components", [b"", b""], MESSAGE)
    yield right("three empty components", [b"", b"", b""], MESSAGE)
    yield right("empty component first", [b"", *AADS], MESSAGE)
    yield right("empty component in the middle", [HEADER, b"", KEYSPACE], MESSAGE)
    yield right("empty component last", [*AADS, b""], MESSAGE)
    yield right("components swapped", AADS[::-1], MESSAGE)
    yield right("components joined", [HEADER + KEYSPACE], MESSAGE)
    yield right("the same component twice", [KEYSPACE, KEYSPACE], MESSAGE)
    yield right("component equal to the message", [MESSAGE], MESSAGE)
    yield right("20 components", [bytes([n]) * n for n in range(20)], MESSAGE)
    yield right("126 components, the most there are", [bytes([n]) for n in range(126)], MESSAGE)
    yield right("key of 32 bytes", AADS, MESSAGE, KEY[:32])
    yield right("key of 48 bytes", AADS, MESSAGE, KEY[:48])
    yield right("key of equal halves", AADS, MESSAGE, KEY[:32] * 2)
    for name, siv in CHOSEN.items():
        for part in (b"", bytes(range(16))):
            what = f"chosen SIV, one block, component of {len(part)} bytes: {name}"
            yield right(what, [part], message_of(siv, [part]))
        text = message_of(siv, AADS, b"two whole blocks before the last")
        yield right(f"chosen SIV, three blocks: {name}", AADS, text)


def invalid() -> Iterator[Vector]:
    """What must not decrypt."""
    good = plain_siv.encrypt(KEY, AADS, MESSAGE)
    siv, text = good[:BLOCK], good[BLOCK:]

    def wrong(
        comment: str,
        ciphertext: bytes = good,
        aads: Sequence[bytes] = AADS,
        key: bytes = KEY,
        message: bytes = MESSAGE,
    ) -> Vector:
        return vector(comment, aads, message, ciphertext, key)

    for place in range(len(good)):
        part, at = ("SIV", place) if place < BLOCK else ("ciphertext", place - BLOCK)
        yield wrong(f"flipped bit in byte {at} of the {part}", flip(good, place))
    for bit in (31, 63):  # the counter leaves them out, the comparison must not
        changed = (int.from_bytes(siv, "big") ^ 1 << bit).to_bytes(BLOCK, "big")
        yield wrong(f"flipped bit {bit} of the SIV, which the counter leaves out", changed + text)
    short = plain_siv.encrypt(KEY, AADS, b"x")
    for place in range(len(short)):
        what = f"flipped bit in byte {place} of SIV and ciphertext, message of one byte"
        yield wrong(what, flip(short, place), message=b"x")

    yield wrong("nothing", b"")
    for size in (1, 8, 15):
        yield wrong(f"SIV cut to {size} bytes, no ciphertext", siv[:size])
        cut = plain_siv.encrypt(KEY, AADS, b"")[:size]
        yield wrong(f"SIV of no message cut to {size} bytes", cut, message=b"")
    yield wrong("SIV alone", siv)
    yield wrong("ciphertext alone", text)
    yield wrong("SIV without its first byte", good[1:])
    yield wrong("SIV without its last byte", siv[:-1] + text)
    yield wrong("ciphertext without its last byte", good[:-1])
    yield wrong("SIV behind the ciphertext", text + siv)
    for extra in (b"\0", b"\x80"):
        yield wrong(f"byte {extra.hex()} appended", good + extra)
        yield wrong(f"byte {extra.hex()} in front", extra + good)
        yield wrong(f"byte {extra.hex()} between SIV and ciphertext", siv + extra + text)
    yield wrong("SIV of all zeros", bytes(BLOCK) + text)
    yield wrong("SIV of all ones", b"\xff" * BLOCK + text)
    other = plain_siv.encrypt(KEY, AADS, b"salice@example.com")
    yield wrong("SIV of another message", other[:BLOCK] + text)
    padded = MESSAGE[:15] + b"\x80"
    of_15 = plain_siv.s2v(KEY[:32], AADS, MESSAGE[:15])
    forged = of_15 + plain_siv.ctr(KEY[32:], of_15, padded)
    yield wrong("padding of a message of 15 bytes written out", forged, message=padded)
    moved = siv + plain_siv.ctr(KEY[32:], siv[:-1] + bytes([siv[-1] ^ 1]), MESSAGE)
    yield wrong("ciphertext made with another counter", moved)

    yield wrong("components swapped", aads=AADS[::-1])
    yield wrong("components joined", aads=[HEADER + KEYSPACE])
    yield wrong("components split one byte earlier", aads=[HEADER[:-1], HEADER[-1:] + KEYSPACE])
    yield wrong("components split one byte later", aads=[HEADER + KEYSPACE[:1], KEYSPACE[1:]])
    yield wrong("component split in two", aads=[HEADER, KEYSPACE[:4], KEYSPACE[4:]])
    yield wrong("first component left out", aads=[KEYSPACE])
    yield wrong("last component left out", aads=[HEADER])
    yield wrong("no component", aads=[])
    yield wrong("empty component first", aads=[b"", *AADS])
    yield wrong("empty component in the middle", aads=[HEADER, b"", KEYSPACE])
    yield wrong("empty component last", aads=[*AADS, b""])
    yield wrong("first component empty", aads=[b"", KEYSPACE])
    yield wrong("last component empty", aads=[HEADER, b""])
    yield wrong("last component twice", aads=[*AADS, KEYSPACE])
    yield wrong("first component twice", aads=[HEADER, *AADS])
    for extra in (b"\0", b"\x80"):
        yield wrong(f"byte {extra.hex()} behind a component", aads=[HEADER, KEYSPACE + extra])
        yield wrong(f"byte {extra.hex()} before a component", aads=[HEADER, extra + KEYSPACE])
    yield wrong("component without its last byte", aads=[HEADER, KEYSPACE[:-1]])
    for place in range(len(HEADER)):
        what = f"flipped bit in byte {place} of the first component"
        yield wrong(what, aads=[flip(HEADER, place), KEYSPACE])
    yield wrong("flipped bit in the last component", aads=[HEADER, flip(KEYSPACE, 0)])
    none = plain_siv.encrypt(KEY, [], MESSAGE)
    yield wrong("made without, opened with an empty component", none, [b""])
    empty = plain_siv.encrypt(KEY, [b""], MESSAGE)
    yield wrong("made with an empty component, opened without", empty, [])

    yield wrong("another key", key=bytes(64))
    yield wrong("flipped bit in the first half of the key", key=flip(KEY, 0))
    yield wrong("flipped bit in the second half of the key", key=flip(KEY, 63))
    yield wrong("another first half of the key", key=KEY[32:] * 2)
    yield wrong("another second half of the key", key=KEY[:32] * 2)
    yield wrong("halves of the key swapped", key=KEY[32:] + KEY[:32])
    yield wrong("first 32 bytes of the key", key=KEY[:32])
    yield wrong("last 32 bytes of the key", key=KEY[32:])


def flip(data: bytes, place: int) -> bytes:
    """One bit of one byte flipped, another bit in each byte."""
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def spell() -> bytes:
    """The file: one vector a line."""
    vectors = [made | {"result": "valid"} for made in valid()]
    vectors += [made | {"result": "invalid"} for made in invalid()]
    lines = ",\n".join(f"    {json.dumps(made)}" for made in vectors)
    provenance = ",\n".join(f"    {json.dumps(text)}" for text in PROVENANCE)
    text = f'{{\n  "provenance": [\n{provenance}\n  ],\n  "vectors": [\n{lines}\n  ]\n}}\n'
    return text.encode()


if __name__ == "__main__":
    PATH.write_bytes(spell())
