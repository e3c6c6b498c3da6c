"""Encrypt a file of JSON events into a file of wire lines, and decrypt that again.

    python examples/batch_file.py ring.json sip-balanced events.ndjson events.zt again.ndjson

Lines that are no events are left out of the wire file and shown by number and reason; the exit
code is then 1. A reason quotes nothing of its line; `Reject.raw` does hold it, so keep that where
the events themselves may be.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from keys import KeysError, Ring
from zt.encoder import Decoder, DecryptReject, Encoder, Reject
from zt.errors import ZtError
from zt.profile import Profile, load_profile


def encrypt_file(ring: Ring, profile: Profile, events: Path, wire: Path) -> list[Reject]:
    """Encrypt line by line; what could not be encrypted is returned.

    The first line names the stream. So the same file again gives events the same ids, and a
    store takes none of them twice.
    """
    rejects: list[Reject] = []
    encoder = Encoder(ring, profile, on_reject=rejects.append)
    with events.open("rb") as source, wire.open("wb") as sink:
        sink.writelines(encoder.encrypt(source))
    print(f"encrypted {encoder.report.events} events", file=sys.stderr)
    return rejects


def decrypt_file(ring: Ring, wire: Path, events: Path) -> list[DecryptReject]:
    """Verify and decrypt; what was not believed is returned."""
    rejects: list[DecryptReject] = []
    decoder = Decoder(ring, on_reject=rejects.append)
    with wire.open("rb") as source, events.open("w", encoding="utf-8") as sink:
        for event in decoder.decrypt(source):
            sink.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"decrypted {decoder.report.events} events", file=sys.stderr)
    return rejects


def main() -> int:
    """Both ways, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("ring", type=Path, help="made by zt-keys init")
    parser.add_argument("profile", help="preset or YAML file")
    parser.add_argument("events", type=Path, help="one JSON event a line")
    parser.add_argument("wire", type=Path, help="written: what the cloud may see")
    parser.add_argument("again", type=Path, help="written: the events, decrypted")
    given = parser.parse_args()
    try:
        ring = Ring.open(given.ring)
        refused = encrypt_file(ring, load_profile(given.profile), given.events, given.wire)
        failed = decrypt_file(ring, given.wire, given.again)
    except (KeysError, ZtError) as error:
        sys.exit(error.diagnostics())
    except OSError as error:
        sys.exit(str(error))
    for path, rejects in ((given.events, refused), (given.wire, failed)):
        for reject in rejects:
            print(f"{path}, line {reject.line}: {reject.reason}", file=sys.stderr)
    return 1 if refused or failed else 0


if __name__ == "__main__":
    sys.exit(main())
