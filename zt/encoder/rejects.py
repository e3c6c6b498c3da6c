"""Reject files of the edge: the lines that could not be encrypted, kept encrypted.

A reject line names the input line and the reason in clear (neither quotes the input) and holds
the line itself as an envelope under `zt:event`, associated data: header, "reject", line number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field, ValidationError

from analytics.wire import WireModel, decode_json
from analytics.wire.models import Envelope, Kid
from keys import EpochKeys, Ring, labels
from keys.derive import lp, uint32
from zt.crypto.siv import KEY_SIZE, Sealer
from zt.encoder.encrypt import Reject
from zt.errors import InputError


class RejectRecord(WireModel):
    """The `zt` object of a line in a reject file."""

    kind: str = Field(pattern="^reject$", default="reject")
    kid: Kid
    line: Annotated[int, Field(ge=1, lt=2**32)]
    reason: str
    opaque: Envelope


def seal_reject(reject: Reject, keys: EpochKeys) -> RejectRecord:
    """A rejected line as it may be kept."""
    line = reject.line % 2**32
    return RejectRecord(
        kid=keys.kid.hex(),
        line=line,
        reason=reject.reason,
        opaque=_sealer(keys).seal(lp(reject.raw), b"reject", uint32(line)),
    )


def open_rejects(lines: Iterable[bytes], ring: Ring) -> Iterator[tuple[int, str, bytes]]:
    """(line number, reason, line) for each line of a reject file.

    Raises:
        InputError: this is no reject file.
        WrongKeyError, IntegrityError: the ring does not open it, or it was altered.
    """
    for number, line in enumerate(lines, 1):
        if not (raw := line.rstrip(b"\r\n")):
            continue
        try:
            record = RejectRecord.model_validate(decode_json(raw)["zt"])
        except (ValueError, ValidationError, KeyError, TypeError):
            raise InputError(
                f"line {number} is no line of a reject file", "give a file that zt encrypt wrote"
            ) from None
        sealer = _sealer(ring.epoch(record.kid))
        plaintext = sealer.open(record.opaque, b"reject", uint32(record.line))
        yield record.line, record.reason, plaintext[4:]


def _sealer(keys: EpochKeys) -> Sealer:
    key = keys.keyspace(labels.EVENT_KEYSPACE)
    return Sealer(key.subkey(labels.OPAQUE, KEY_SIZE), keys.kid)
