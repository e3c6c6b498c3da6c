"""The transactions in a capture, as tshark and as the probe read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from zt.sip.capture import Decoder, read_frames
from zt.sip.parse import claims_sip, parse

TSHARK = shutil.which("tshark")

Key = tuple[str, int, str, str]  # Call-ID, CSeq number, its method, branch of the top Via
Transactions = dict[Key, list[int]]  # final statuses in order, each once

_FIELDS = ("sip.Call-ID", "sip.CSeq.seq", "sip.CSeq.method", "sip.Via.branch", "sip.Status-Code")
_BETWEEN_FIELDS, _BETWEEN_VALUES = "\x1e", "\x1f"  # no header holds them


def by_tshark(path: Path, home: Path) -> Transactions:
    """What tshark finds, with its own defaults: `home` has no settings of anybody's."""
    assert TSHARK is not None
    command = [TSHARK, "-n", "-r", str(path), "-Y", "sip", "-T", "fields"]
    command += ["-E", "occurrence=a", "-E", f"separator={_BETWEEN_FIELDS}"]
    command += ["-E", f"aggregator={_BETWEEN_VALUES}"]
    for field in _FIELDS:
        command += ["-e", field]
    run = subprocess.run(
        command,
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
        env={
            **os.environ,
            "HOME": str(home),
            "WIRESHARK_CONFIG_DIR": str(home),
            "LC_ALL": "C.UTF-8",
        },
    )
    found: Transactions = {}
    for line in filter(None, run.stdout.split("\n")):
        call_id, number, method, branches, status = line.split(_BETWEEN_FIELDS)
        # With several messages in a frame, one could not tell whose branch is whose.
        assert _BETWEEN_VALUES not in call_id
        key = (call_id, int(number), method, branches.split(_BETWEEN_VALUES)[0])
        _note(found, key, int(status or 0))
    return found


def by_the_probe(path: Path) -> Transactions:
    """What our own capture layer and parser find."""
    decoder = Decoder()
    with path.open("rb") as file:
        datagrams = [one for frame in read_frames(file, path.name) for one in decoder.feed(frame)]
    found: Transactions = {}
    for one in datagrams + decoder.finish():
        if claims_sip(one.payload, one.src_port, one.dst_port):
            message = parse(one.payload)
            key = (message.call_id, message.cseq, message.method, message.branch)
            _note(found, key, message.status)
    return found


def _note(found: Transactions, key: Key, status: int) -> None:
    statuses = found.setdefault(key, [])
    if status >= 200 and status not in statuses:
        statuses.append(status)
