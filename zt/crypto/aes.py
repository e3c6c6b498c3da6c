"""AES over many blocks at once, and the parts of AES-CMAC (RFC 4493) that columns need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from keys import Secret

BLOCK = 16  # bytes

Blocks = npt.NDArray[np.uint8]
"""Shape (n, 16): one AES block a row."""


class BlockCipher:
    """Raw AES for constructions that never encrypt the same block for two purposes.

    Not thread-safe: one context each.
    """

    def __init__(self, key: Secret) -> None:
        # ECB here is the bare block function, the building block of CMAC and FF1; no message is
        # ever encrypted in it.
        algorithm = algorithms.AES(key.secret_key_access())
        self._encryptor = Cipher(algorithm, modes.ECB()).encryptor()

    def block(self, block: bytes) -> bytes:
        """One 16-byte block encrypted."""
        return self._encryptor.update(block)

    def blocks(self, blocks: Blocks) -> Blocks:
        """Each row encrypted, in one call into the library."""
        source = np.ascontiguousarray(blocks)
        # update_into asks for room for one more block than it writes
        target = np.empty(source.size + BLOCK - 1, np.uint8)
        self._encryptor.update_into(source.data, target.data)
        return target[: source.size].reshape(-1, BLOCK)


class ShortMacs:
    """AES-CMAC (RFC 4493) of many messages, each shorter than a block, cut to 32 bits.

    Not thread-safe: one each.
    """

    def __init__(self, key: Secret) -> None:
        self._cipher = BlockCipher(key)
        self._mask = short_message_mask(self._cipher)

    def tokens(self, messages: Sequence[bytes]) -> npt.NDArray[np.uint32]:
        """The first 4 bytes of each MAC as a big-endian number; messages of up to 15 bytes."""
        padded = b"".join([(message + b"\x80").ljust(BLOCK, b"\0") for message in messages])
        return self.tokens_of_blocks(np.frombuffer(padded, np.uint8).reshape(-1, BLOCK))

    def tokens_of_blocks(self, padded: Blocks) -> npt.NDArray[np.uint32]:
        """The same of messages with their padding, 10* up to a block; shape (n, 16) -> (n,)."""
        macs = self._cipher.blocks(padded ^ self._mask)
        return macs.view(">u4")[:, 0].astype(np.uint32)


def double(block: bytes) -> bytes:
    """Multiplication by x in GF(2^128), as CMAC's subkeys need it (RFC 4493, section 2.3)."""
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number ^= (1 << 128) | 0x87
    return number.to_bytes(BLOCK, "big")


def short_message_mask(cipher: BlockCipher) -> Blocks:
    """CMAC's K2: a message shorter than a block, padded with 10*, is XORed with it."""
    k2 = double(double(cipher.block(bytes(BLOCK))))
    return np.frombuffer(k2, np.uint8)
