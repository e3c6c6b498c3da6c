"""AES-SIV written once more, from RFC 5297 alone: slow, plain, and for tests only.

CMAC and the bare block cipher come from `cryptography`; doubling, S2V and the counter mode, which
that library leaves to OpenSSL, are here. Tags are not compared in constant time.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16  # bytes
COUNTER_BITS = ~(1 << 63 | 1 << 31)
"""All but the two bits of the SIV that the counter leaves out (section 2.5)."""


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC."""
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def xor(one: bytes, other: bytes) -> bytes:
    """Two strings of one length."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def dbl(block: bytes) -> bytes:
    """Doubling in GF(2^128), bit by bit (section 2.3)."""
    bits = [byte >> place & 1 for byte in block for place in reversed(range(8))]
    shifted = [*bits[1:], 0]
    if bits[0]:
        for place in (0, 1, 2, 7):  # x^7 + x^2 + x + 1
            shifted[-1 - place] ^= 1
    return int("".join(map(str, shifted)), 2).to_bytes(BLOCK, "big")


def chain(key: bytes, components: Sequence[bytes]) -> bytes:
    """D, after all strings of S2V but the last (section 2.4)."""
    d = cmac(key, bytes(BLOCK))
    for component in components:
        d = xor(dbl(d), cmac(key, component))
    return d


def s2v(key: bytes, components: Sequence[bytes], last: bytes) -> bytes:
    """The SIV of the associated data and of the plaintext, which is the last string."""
    d = chain(key, components)
    if len(last) >= BLOCK:
        return cmac(key, last[:-BLOCK] + xor(last[-BLOCK:], d))
    return cmac(key, xor(dbl(d), last + b"\x80" + bytes(BLOCK - 1 - len(last))))


def counter(siv: bytes) -> bytes:
    """Q, the first block of the counter."""
    return (int.from_bytes(siv, "big") & COUNTER_BITS).to_bytes(BLOCK, "big")


def ctr(key: bytes, siv: bytes, text: bytes) -> bytes:
    """The text, encrypted or decrypted."""
    block_cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    first = int.from_bytes(counter(siv), "big")
    stream = b"".join(
        block_cipher.update((first + i).to_bytes(BLOCK, "big"))
        for i in range(-(-len(text) // BLOCK))
    )
    return xor(text, stream[: len(text)])


def encrypt(key: bytes, components: Sequence[bytes], plaintext: bytes) -> bytes:
    """SIV || C (section 2.6)."""
    mac_key, ctr_key = key[: len(key) // 2], key[len(key) // 2 :]
    siv = s2v(mac_key, components, plaintext)
    return siv + ctr(ctr_key, siv, plaintext)


def decrypt(key: bytes, components: Sequence[bytes], ciphertext: bytes) -> bytes | None:
    """The plaintext, or None if the ciphertext is not authentic (section 2.7)."""
    mac_key, ctr_key = key[: len(key) // 2], key[len(key) // 2 :]
    siv, text = ciphertext[:BLOCK], ciphertext[BLOCK:]
    if len(siv) < BLOCK:
        return None
    plaintext = ctr(ctr_key, siv, text)
    return plaintext if s2v(mac_key, components, plaintext) == siv else None
