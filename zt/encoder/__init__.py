"""Events to encrypted events and back: the only place where plaintext becomes ciphertext."""

from zt.encoder.decrypt import Decoder, DecryptReport
from zt.encoder.encrypt import Encoder, EncryptReport

__all__ = ["Decoder", "DecryptReport", "Encoder", "EncryptReport"]
