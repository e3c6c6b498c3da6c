"""The parts of AES-CMAC that columns use, against published vectors and the library."""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import load

from keys import Secret
from zt.crypto.aes import BlockCipher, double, short_message_mask

CONTENT = load("cmac.json")
VECTORS = {vector["name"]: vector for vector in CONTENT["vectors"]}


def library_cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def short_cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC of a message shorter than a block, from the parts that columns use."""
    cipher = BlockCipher(Secret(key))
    block = np.frombuffer((message + b"\x80").ljust(16, b"\0"), np.uint8)
    return cipher.blocks((block ^ short_message_mask(cipher)).reshape(1, 16)).tobytes()


def test_the_vectors_are_complete() -> None:
    assert len(VECTORS) == len(CONTENT["vectors"]) == 2
    assert all(len(vector["macs"]) == 4 for vector in VECTORS.values())


@pytest.mark.parametrize("name", VECTORS)
def test_published_subkeys_and_macs(name: str) -> None:
    vector = VECTORS[name]
    key = bytes.fromhex(vector["key"])
    cipher = BlockCipher(Secret(key))
    assert cipher.block(bytes(16)).hex() == vector["l"]
    assert double(bytes.fromhex(vector["l"])).hex() == vector["k1"]
    assert double(bytes.fromhex(vector["k1"])).hex() == vector["k2"]
    assert short_message_mask(cipher).tobytes().hex() == vector["k2"]
    assert short_cmac(key, b"").hex() == vector["macs"]["0"]


@pytest.mark.parametrize("name", VECTORS)
def test_the_library_that_the_references_use_agrees_with_the_vectors(name: str) -> None:
    message = bytes.fromhex(CONTENT["messages"].split()[-1])
    assert len(message) == 64
    for length, mac in VECTORS[name]["macs"].items():
        key = bytes.fromhex(VECTORS[name]["key"])
        assert library_cmac(key, message[: int(length)]).hex() == mac


@given(
    st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), st.data()
)
def test_short_macs_agree_with_the_library(key: bytes, data: st.DataObject) -> None:
    message = data.draw(st.binary(max_size=15))
    assert short_cmac(key, message) == library_cmac(key, message)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 40), st.integers(0, 2**32))
def test_columns_are_blocks(key: bytes, rows: int, seed: int) -> None:
    cipher = BlockCipher(Secret(key))
    blocks = np.random.default_rng(seed).integers(0, 256, (rows, 16), np.uint8)
    library = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    expected = [library.update(row.tobytes()) for row in blocks]
    assert [row.tobytes() for row in cipher.blocks(blocks)] == expected
    assert [cipher.block(row.tobytes()) for row in blocks] == expected


def test_columns_need_not_lie_in_one_piece() -> None:
    cipher = BlockCipher(Secret(bytes(32)))
    wide = np.arange(64, dtype=np.uint8).reshape(2, 32)
    strided = wide[:, ::2]
    assert not strided.flags.c_contiguous
    expected = [cipher.block(row.tobytes()) for row in strided]
    assert [row.tobytes() for row in cipher.blocks(strided)] == expected


@given(st.integers(0, 2**128 - 1))
def test_doubling_is_multiplication_by_x(number: int) -> None:
    doubled = int.from_bytes(double(number.to_bytes(16, "big")), "big")
    assert doubled == (number * 2) % 2**128 ^ (0x87 if number >= 2**127 else 0)
