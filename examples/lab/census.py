"""Count the SIP messages of a capture with tshark, as Markdown tables.

python3 examples/lab/census.py examples/data/demo.pcap
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

FIELDS = ("ip.src", "ipv6.src", "sip.Method", "sip.CSeq.method", "sip.Status-Code")


def messages(capture: str) -> list[list[str]]:
    """The FIELDS of every SIP message, as tshark sees them."""
    command = ["tshark", "-r", capture, "-Y", "sip", "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def table(head: str, counts: Counter[str]) -> str:
    rows = [f"| {what} | {count} |" for what, count in sorted(counts.items())]
    return "\n".join([f"| {head} | messages |", "|---|---|", *rows, ""])


def main(capture: str) -> None:
    requests: Counter[str] = Counter()
    responses: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    for v4, v6, method, answered, status in messages(capture):
        if method:
            requests[method] += 1
            sources[f"{v4 or v6} {method}"] += 1
        elif status:
            responses[f"{answered} {status}"] += 1
    print(table("request", requests))
    print(table("response to", responses))
    print(table("sender and request", sources))


if __name__ == "__main__":
    main(*sys.argv[1:])
