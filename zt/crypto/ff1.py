"""FF1 format-preserving encryption (NIST SP 800-38G, algorithms 7 and 8), one value at a time.

A value is a string of `length` numerals of one radix; so is its ciphertext. FF1 is a Feistel
network of ten rounds, whose round function is an AES-CBC-MAC over the parameters, the tweak, the
round and one half of the value. `zt.crypto.ff1_column` does the same for many values at once.

Security: a pseudo-random permutation of the strings of one radix and length, another one for
every tweak. It is deterministic: equal values under equal tweaks have equal ciphertexts. Nothing
is authenticated: every string of the right form decrypts to something. No domain has fewer than
1,000,000 values (SP 800-38G Rev. 1, draft, section 5.1): smaller ones fall to guessing, and to
the message recovery attacks of Hoang, Tessaro and Trieu (CRYPTO 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from keys import Secret
from zt.crypto.aes import BLOCK, BlockCipher

ROUNDS = 10
MIN_DOMAIN = 1_000_000  # values
MAX_RADIX = 2**16
MAX_LENGTH = 2**32 - 1  # numerals
MAX_TWEAK = 2**32 - 1  # bytes


@dataclass(frozen=True, slots=True)
class Domain:
    """The numeral strings of one radix and length, and the sizes that FF1 derives from them.

    Each name is followed by the standard's own.
    """

    radix: int
    length: int
    """n, in numerals."""
    left: int
    """u, the numerals of the first half."""
    right: int
    """v, the numerals of the second half; u or u + 1."""
    moduli: tuple[int, int]
    """radix**u and radix**v: what even and odd rounds add modulo."""
    half_size: int
    """b, the bytes that hold either half as a number."""
    mac_size: int
    """d, the bytes of the round function's output before it is reduced."""

    def header(self, tweak_size: int) -> bytes:
        """P, the first block of every round's CBC-MAC."""
        return (
            bytes([1, 2, 1])
            + self.radix.to_bytes(3, "big")
            + bytes([ROUNDS, self.left % 256])
            + self.length.to_bytes(4, "big")
            + tweak_size.to_bytes(4, "big")
        )


@lru_cache(maxsize=256)
def domain(radix: int, length: int) -> Domain:
    """The domain of strings of `length` numerals below `radix`.

    Raises:
        ValueError: no radix or length of FF1, or fewer than 1,000,000 strings.
    """
    if not 2 <= radix <= MAX_RADIX:
        raise ValueError(f"FF1 takes a radix from 2 to {MAX_RADIX:,}, not {radix:,}")
    if not 0 <= length <= MAX_LENGTH:
        raise ValueError(f"FF1 takes up to {MAX_LENGTH:,} numerals")
    left = length // 2
    right = length - left
    moduli = (radix**left, radix**right)
    if moduli[0] * moduli[1] < MIN_DOMAIN:
        raise ValueError(
            f"{length} numerals of radix {radix} make fewer than {MIN_DOMAIN:,} values: "
            "FF1 would not hide them"
        )
    half_size = -(-(moduli[1] - 1).bit_length() // 8)
    return Domain(
        radix=radix,
        length=length,
        left=left,
        right=right,
        moduli=moduli,
        half_size=half_size,
        mac_size=4 * -(-half_size // 4) + 4,
    )


def absorb(cipher: BlockCipher, shape: Domain, tweak: bytes) -> int:
    """The CBC-MAC's state after all that no round changes, as a number of 128 bits.

    That is P, the tweak and its padding. What the padding leaves of the first block that a round
    fills is XORed in already, so that a round goes on with `[i] || NUM(B)` alone.

    Raises:
        ValueError: the tweak is too long.
    """
    if len(tweak) > MAX_TWEAK:
        raise ValueError(f"FF1 takes a tweak of up to {MAX_TWEAK:,} bytes")
    fixed = tweak + bytes((-len(tweak) - shape.half_size - 1) % BLOCK)
    whole = len(fixed) // BLOCK * BLOCK
    fixed = fixed[:whole] + fixed[whole:].ljust(BLOCK, b"\0")
    state = int.from_bytes(shape.header(len(tweak)), "big")
    return _chain(cipher, state, fixed)


def encrypt_halves(
    cipher: BlockCipher, shape: Domain, state: int, a: int, b: int
) -> tuple[int, int]:
    """FF1.Encrypt on the numbers of both halves; `state` comes from `absorb`."""
    for i in range(ROUNDS):
        a, b = b, (a + _round(cipher, shape, state, i, b)) % shape.moduli[i % 2]
    return a, b


def decrypt_halves(
    cipher: BlockCipher, shape: Domain, state: int, a: int, b: int
) -> tuple[int, int]:
    """FF1.Decrypt on the numbers of both halves; `state` comes from `absorb`."""
    for i in reversed(range(ROUNDS)):
        a, b = (b - _round(cipher, shape, state, i, a)) % shape.moduli[i % 2], a
    return a, b


def _round(cipher: BlockCipher, shape: Domain, state: int, i: int, half: int) -> int:
    """y, the round function's output: d bytes as a number."""
    size = -(-(1 + shape.half_size) // BLOCK) * BLOCK
    message = (i << 8 * shape.half_size | half).to_bytes(size, "big")
    first = state ^ int.from_bytes(message[:BLOCK], "big")
    mac = _encrypt(cipher, _chain(cipher, first, message[BLOCK:]))
    stream, blocks = mac, 1
    while blocks * BLOCK < shape.mac_size:
        stream = stream << 8 * BLOCK | _encrypt(cipher, mac ^ blocks)
        blocks += 1
    return stream >> 8 * (blocks * BLOCK - shape.mac_size)


def _chain(cipher: BlockCipher, state: int, message: bytes) -> int:
    """CBC-MAC goes on over whole blocks: the last one is XORed in, not yet encrypted."""
    for at in range(0, len(message), BLOCK):
        state = _encrypt(cipher, state) ^ int.from_bytes(message[at : at + BLOCK], "big")
    return state


def _encrypt(cipher: BlockCipher, block: int) -> int:
    return int.from_bytes(cipher.block(block.to_bytes(BLOCK, "big")), "big")


class FF1Engine:
    """FF1 under one key and tweak, in the shape that pyffx's codecs take for an engine.

    `pyffx.String(FF1Engine(key, tweak), alphabet, length)` then keeps alphabet and length as
    pyffx does, and encrypts as NIST says, which pyffx's own engine does not.

    Not thread-safe: one engine each.
    """

    def __init__(self, key: Secret, tweak: bytes = b"") -> None:
        """
        Args:
            key: 16, 24 or 32 bytes, for AES-128, -192 or -256.
            tweak: public; separates what must not be comparable under the same key.
        """
        self._cipher = BlockCipher(key)
        self._tweak = tweak
        self._state = lru_cache(maxsize=256)(self._absorb)

    def encrypt(self, radix: int, digits: Sequence[int]) -> list[int]:
        """As many numerals as `digits` has, each below `radix`, as are theirs.

        Raises:
            ValueError: a numeral is not below the radix, or the domain is refused.
        """
        shape, a, b = _halves(radix, digits)
        a, b = encrypt_halves(self._cipher, shape, self._state(shape), a, b)
        return _digits(a, radix, shape.left) + _digits(b, radix, shape.right)

    def decrypt(self, radix: int, digits: Sequence[int]) -> list[int]:
        """The numerals that `encrypt` was given.

        Raises:
            ValueError: a numeral is not below the radix, or the domain is refused.
        """
        shape, a, b = _halves(radix, digits)
        a, b = decrypt_halves(self._cipher, shape, self._state(shape), a, b)
        return _digits(a, radix, shape.left) + _digits(b, radix, shape.right)

    def _absorb(self, shape: Domain) -> int:
        return absorb(self._cipher, shape, self._tweak)

    def __repr__(self) -> str:
        return "<FF1Engine>"


def _halves(radix: int, digits: Sequence[int]) -> tuple[Domain, int, int]:
    shape = domain(radix, len(digits))
    if not all(0 <= digit < radix for digit in digits):
        raise ValueError(f"a numeral is not below the radix {radix}")
    return shape, _number(digits[: shape.left], radix), _number(digits[shape.left :], radix)


def _number(digits: Sequence[int], radix: int) -> int:
    number = 0
    for digit in digits:
        number = number * radix + digit
    return number


def _digits(number: int, radix: int, length: int) -> list[int]:
    digits = [0] * length
    for place in reversed(range(length)):
        number, digits[place] = divmod(number, radix)
    return digits
