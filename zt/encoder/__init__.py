"""Events to encrypted events and back: the only place where plaintext becomes ciphertext.

What stands in `__all__` is the library interface; docs/library.md shows it at work.
"""

from zt.encoder.decrypt import Decoder, DecryptReject, DecryptReport
from zt.encoder.encrypt import Encoder, EncryptReport, Reject

__all__ = ["Decoder", "DecryptReject", "DecryptReport", "Encoder", "EncryptReport", "Reject"]
