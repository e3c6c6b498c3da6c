"""Encrypt inside an asyncio service: many clients send JSON lines, one file takes the wire.

    python examples/asyncio_service.py ring.json sip-balanced events.zt --port 7070

An Encoder is one stream and belongs to one thread: batches go through a thread of its own, and the
event loop stays free. The queue before it is bounded: when encryption falls behind, clients are
read more slowly, by TCP's own flow control. SIGTERM and SIGINT end the service when all that it
had received is written. A client that ends its side and waits for the other knows that its lines
were received; what must survive a crash belongs into a file or a message queue before the service.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from analytics.wire.transport import LineOutput
from keys import KeysError, Ring
from zt.encoder import Encoder, Reject
from zt.errors import ZtError
from zt.profile import load_profile

BATCH_EVENTS, BATCH_SECONDS = 1000, 0.2
QUEUE_EVENTS, MAX_LINE = 2000, 64 * 1024  # bytes; so at most 128 MiB wait


def tell(reject: Reject) -> None:
    """Say what was left out, without quoting it."""
    print(f"line {reject.line}: {reject.reason}", file=sys.stderr)


async def next_batch(lines: asyncio.Queue[bytes]) -> list[bytes]:
    """A line and what comes soon after it."""
    batch = [await lines.get()]
    with suppress(TimeoutError):
        async with asyncio.timeout(BATCH_SECONDS):
            while len(batch) < BATCH_EVENTS:
                batch.append(await lines.get())
    return batch


async def encrypt(lines: asyncio.Queue[bytes], encoder: Encoder, output: LineOutput) -> None:
    """Encrypt what comes through the queue, for ever."""
    given: deque[list[bytes]] = deque()
    wire = encoder.encrypt_batches(iter(given.popleft, None))  # called once: one stream

    def step(batch: list[bytes]) -> None:
        given.append(batch)
        output.write(next(wire))

    with ThreadPoolExecutor(max_workers=1) as thread:
        while True:
            batch = await next_batch(lines)
            await asyncio.get_running_loop().run_in_executor(thread, step, batch)
            for _ in batch:
                lines.task_done()


async def receive(
    lines: asyncio.Queue[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Put a client's lines into the queue until it, or `serve`, closes the connection."""
    try:
        async for line in reader:
            await lines.put(line)
    except (ValueError, ConnectionError):
        print("a client broke off, or sent too long a line", file=sys.stderr)
    finally:
        writer.close()


async def serve(encoder: Encoder, output: LineOutput, port: int) -> None:
    """Take lines from clients until a signal comes; a failure to encrypt ends it too."""
    lines: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_EVENTS)
    clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    stop = asyncio.Event()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = group.create_task(receive(lines, reader, writer))
        clients[client] = writer
        client.add_done_callback(clients.pop)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        encrypting = group.create_task(encrypt(lines, encoder, output))
        server = await asyncio.start_server(accept, "127.0.0.1", port, limit=MAX_LINE)
        print(f"listening on port {server.sockets[0].getsockname()[1]}", file=sys.stderr)
        await stop.wait()
        server.close()
        for writer in clients.values():
            writer.close()  # nothing more is received; what was is still read
        await asyncio.gather(*clients)
        await lines.join()
        encrypting.cancel()


def main() -> int:
    """Open the ring and serve."""
    parser = argparse.ArgumentParser(description="JSON lines by TCP, encrypted into a file")
    parser.add_argument("ring", type=Path, help="made by zt-keys init")
    parser.add_argument("profile", help="preset or YAML file")
    parser.add_argument("wire", type=Path, help="appended to: what the cloud may see")
    parser.add_argument("--port", type=int, default=0, help="on the loopback; 0: any free one")
    given = parser.parse_args()
    # The boot id keeps the ids of this run's events apart from those of runs before, which
    # counted their positions from zero too.
    stream = f"asyncio-service/{uuid4()}"
    failures: tuple[Exception, ...] = ()
    try:
        ring, profile = Ring.open(given.ring), load_profile(given.profile)
        encoder = Encoder(ring, profile, stream=stream, on_reject=tell)
        with given.wire.open("ab", buffering=0) as sink:
            asyncio.run(serve(encoder, LineOutput(sink), given.port))
        print(f"encrypted {encoder.report.events} events", file=sys.stderr)
    except* (KeysError, ZtError, OSError) as group:
        failures = group.exceptions
    for failure in failures:
        print(f"stopped: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
