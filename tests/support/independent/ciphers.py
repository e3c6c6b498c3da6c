"""Section 5 of docs/formats.md: FF1 and ipcrypt-pfx, plainly, on AES."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .conventions import uint32


def aes(key: bytes, block: bytes) -> bytes:
    assert len(block) == 16
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def aes_cbc(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def xor(block: bytes, number: int) -> bytes:
    return (int.from_bytes(block, "big") ^ number).to_bytes(16, "big")


class Ff1:
    """FF1 with a key and a radix over lists of numerals."""

    def __init__(self, key: bytes, radix: int) -> None:
        self.key, self.radix = key, radix

    def first_block(self, n: int, tweak: bytes) -> bytes:
        """P."""
        head = b"\x01\x02\x01" + self.radix.to_bytes(3, "big") + b"\x0a"
        return head + bytes([n // 2 % 256]) + uint32(n) + uint32(len(tweak))

    def number_bytes(self, v: int) -> int:
        """b."""
        return (int(self.radix**v - 1).bit_length() + 7) // 8

    def message(self, n: int, tweak: bytes, i: int, half: int) -> bytes:
        """Q."""
        b = self.number_bytes(n - n // 2)
        zeros = bytes((-len(tweak) - b - 1) % 16)
        return tweak + zeros + bytes([i]) + half.to_bytes(b, "big")

    def stream(self, n: int, tweak: bytes, i: int, half: int) -> bytes:
        """S."""
        b = self.number_bytes(n - n // 2)
        d = 4 * ((b + 3) // 4) + 4
        message = self.first_block(n, tweak) + self.message(n, tweak, i, half)
        r = aes_cbc(self.key, message)[-16:]
        s, count = r, 1
        while len(s) < d:
            s += aes(self.key, xor(r, count))
            count += 1
        return s[:d]

    def rounds(self, numerals: list[int], tweak: bytes) -> Iterator[tuple[int, int]]:
        """A and B before each round, and after the last."""
        n = len(numerals)
        u = n // 2
        a, b = self.number(numerals[:u]), self.number(numerals[u:])
        for i in range(10):
            yield a, b
            m = u if i % 2 == 0 else n - u
            y = int.from_bytes(self.stream(n, tweak, i, b), "big")
            a, b = b, (a + y) % self.radix**m
        yield a, b

    def encrypt(self, numerals: list[int], tweak: bytes) -> list[int]:
        *_, (a, b) = self.rounds(numerals, tweak)
        u = len(numerals) // 2
        return self.numerals(a, u) + self.numerals(b, len(numerals) - u)

    def decrypt(self, numerals: list[int], tweak: bytes) -> list[int]:
        n = len(numerals)
        u = n // 2
        a, b = self.number(numerals[:u]), self.number(numerals[u:])
        for i in reversed(range(10)):
            m = u if i % 2 == 0 else n - u
            y = int.from_bytes(self.stream(n, tweak, i, a), "big")
            a, b = (b - y) % self.radix**m, a
        return self.numerals(a, u) + self.numerals(b, n - u)

    def number(self, numerals: list[int]) -> int:
        value = 0
        for numeral in numerals:
            value = value * self.radix + numeral
        return value

    def numerals(self, value: int, count: int) -> list[int]:
        found = []
        for _ in range(count):
            value, numeral = divmod(value, self.radix)
            found.append(numeral)
        return found[::-1]


def bits(address: bytes) -> list[int]:
    return [byte >> place & 1 for byte in address for place in range(7, -1, -1)]


def unbits(found: list[int]) -> bytes:
    return Ff1(b"", 2).number(found).to_bytes(len(found) // 8, "big")


def pfx_start(address: bytes) -> int:
    """The first p."""
    return 1 if len(address) == 16 else 2**96 + 65535


def _pfx(key: bytes, address: bytes, *, decrypts: bool) -> bytes:
    k1, k2 = key[:16], key[16:]
    if len(key) != 32 or k1 == k2:
        raise ValueError("no key of ipcrypt-pfx")
    p, result = pfx_start(address), []
    for bit in bits(address):
        e = _pfx_bit(k1, k2, p)
        result.append(bit ^ e)
        p = 2 * p + (bit ^ e if decrypts else bit)
    return unbits(result)


@cache
def _pfx_bit(k1: bytes, k2: bytes, p: int) -> int:
    block = p.to_bytes(16, "big")
    return (aes(k1, block)[-1] ^ aes(k2, block)[-1]) & 1


def pfx_encrypt(key: bytes, address: bytes) -> bytes:
    return _pfx(key, address, decrypts=False)


def pfx_decrypt(key: bytes, address: bytes) -> bytes:
    return _pfx(key, address, decrypts=True)
