"""Encrypt a live stream: JSON events on stdin, wire lines on stdout.

    tail -F events.ndjson | python examples/live_pipe.py ring.json sip-balanced | ...

At full speed a batch has up to 10,000 events; when events come slowly, none waits longer than
about 200 ms. The end of stdin, SIGTERM and SIGINT end it cleanly: what was read is encrypted,
and whole lines are written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from uuid import uuid4

from analytics.wire.transport import LineOutput, Stop, line_batches, open_source
from keys import KeysError, Ring
from zt.encoder import Encoder, Reject
from zt.errors import ZtError
from zt.profile import load_profile


def tell(reject: Reject) -> None:
    """Say what was left out, without quoting it."""
    print(f"line {reject.line}: {reject.reason}", file=sys.stderr)


def encrypt_pipe(encoder: Encoder) -> None:
    """Encrypt stdin to stdout until it ends, or a signal asks for an end."""
    with Stop() as stop:
        source = open_source(sys.stdin.buffer, stop=stop)
        output = LineOutput(sys.stdout.buffer, stop=stop)
        # A batch ends by number, size or time; an empty one is a sign that the stream is idle.
        for wire in encoder.encrypt_batches(line_batches(source, stop=stop, max_seconds=0.2)):
            output.write(wire)


def main() -> int:
    """Open the ring, encrypt, say how many."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("ring", type=Path, help="made by zt-keys init")
    parser.add_argument("profile", help="preset or YAML file")
    given = parser.parse_args()
    try:
        # A pipe can't be read again, so every run is a stream of its own. With a fixed name, an
        # event after a restart could get the id of an equal one before, and be taken for it.
        stream = f"live-pipe-{uuid4()}"
        profile = load_profile(given.profile)
        encoder = Encoder(Ring.open(given.ring), profile, stream=stream, on_reject=tell)
        encrypt_pipe(encoder)
    except BrokenPipeError:  # the reader has gone, which is no failure of ours
        return 0
    except KeyboardInterrupt:
        print("interrupted while the reader took nothing: not all was written", file=sys.stderr)
        return 1
    except (KeysError, ZtError) as error:
        sys.exit(error.diagnostics())
    print(f"encrypted {encoder.report.events} events", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
