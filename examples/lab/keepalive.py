"""A phone's keep-alives through NAT (RFC 5626, 3.5.1 and 4.4.1): no SIP, and no attack.

    keepalive.py udp|tcp SOURCE PORT SERVER

Over UDP it sends what phones really send: CRLF CRLF, one CRLF, four zero bytes. Over TCP it sends
CRLF CRLF and expects one CRLF back.
"""

from __future__ import annotations

import socket
import sys
import time

PAUSE = 0.3  # seconds between two keep-alives
UDP = (b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"\r\n\r\n")


def main(transport: str, source: str, port: str, server: str) -> int:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as phone:
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        phone.settimeout(5)
        phone.bind((source, int(port)))
        phone.connect((server, 5060))
        if transport == "udp":
            for payload in UDP:
                phone.send(payload)
                time.sleep(PAUSE)
            return 0
        for _ in range(3):
            phone.send(b"\r\n\r\n")
            if phone.recv(16) != b"\r\n":
                return 1
            time.sleep(PAUSE)
        return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
