"""The examples that run on: events get through at once, nothing is lost at the end."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from support.examples import Table, event_ids, identities, read
from support.leaks import leaked

from analytics.wire.transport import LineCutter
from keys import Ring
from zt.encoder import Decoder

BOUND = 60.0  # seconds; for what takes one at most, on a machine that does something else too
CLIENTS, EACH = 50, 100


@contextmanager
def pipe(table: Table) -> Iterator[subprocess.Popen[bytes]]:
    command = table.command("live_pipe.py", table.ring, "sip-balanced")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_event(process: subprocess.Popen[bytes]) -> tuple[bytes, float]:
    """What is written up to the first whole event, and how long that took."""
    assert process.stdout is not None
    cutter, seen, started = LineCutter(), b"", time.monotonic()
    while time.monotonic() < started + BOUND:
        if select.select([process.stdout], [], [], 1)[0]:
            block = os.read(process.stdout.fileno(), 65536)
            assert block, "the pipe ended"
            seen += block
            if any(b'"seal"' in line for line in cutter.feed(block)):
                return seen, time.monotonic() - started
    raise AssertionError("no event came through")


@pytest.mark.parametrize("end", ["end of input", "SIGTERM"])
def test_the_pipe_lets_an_event_through_and_ends_cleanly(end: str, table: Table) -> None:
    """The first event is out while the pipe is open; every line that came is out at the end."""
    lines = table.events.read_bytes().splitlines(keepends=True)[:20]
    with pipe(table) as process:
        assert process.stdin is not None
        process.stdin.write(lines[0])
        process.stdin.flush()
        out, _ = first_event(process)  # python starts meanwhile, so this says nothing of latency
        process.stdin.write(lines[1])
        process.stdin.flush()
        more, latency = first_event(process)
        assert latency < 10
        process.stdin.write(b"".join(lines[2:]))
        process.stdin.flush()
        if end == "SIGTERM":
            out += more + first_event(process)[0]
            process.send_signal(signal.SIGTERM)
            rest, said = process.communicate(timeout=BOUND)
        else:
            out += more
            rest, said = process.communicate(timeout=BOUND)
    assert process.returncode == 0, said
    wire = (out + rest).splitlines(keepends=True)
    assert wire[-1].endswith(b"}\n")
    events = list(Decoder(Ring.open(table.ring)).decrypt(wire))
    assert events == read(table.events)[:20]


def test_a_pipe_that_starts_again_names_events_anew(table: Table) -> None:
    """Equal events of two runs are two events, and a store must take both."""
    line = table.events.read_bytes().splitlines(keepends=True)[0]
    ids = []
    for _ in range(2):
        with pipe(table) as process:
            out, _ = process.communicate(line, timeout=BOUND)
            ids += event_ids(out.splitlines(keepends=True))
    assert len(set(ids)) == len(ids) == 2


def test_the_pipe_passes_over_a_bad_line_and_a_reader_that_left(table: Table) -> None:
    with pipe(table) as process:
        _, said = process.communicate(b"no-event-at-all\n", timeout=BOUND)
    assert process.returncode == 0
    assert b"line 1: " in said
    assert b"no-event-at-all" not in said
    with pipe(table) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, said = process.communicate(table.events.read_bytes(), timeout=BOUND)
    assert process.returncode == 0
    assert not said


class Service:
    """The running service, to which a test connects."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self._port = port

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def send(self, lines: list[bytes]) -> None:
        """Send lines, and wait until the service has received them all."""
        reader, writer = await self.connect()
        writer.writelines(lines)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), BOUND) == b""
        writer.close()

    async def end(self) -> tuple[int, str]:
        """Ask for the end: the exit code, and what was said."""
        self.process.terminate()
        _, said = await asyncio.wait_for(self.process.communicate(), BOUND)
        assert self.process.returncode is not None
        return self.process.returncode, said.decode()


@asynccontextmanager
async def service(table: Table, wire: Path) -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        *table.command("asyncio_service.py", table.ring, "sip-balanced", wire),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        said = await asyncio.wait_for(process.stderr.readline(), BOUND)
        port = re.search(rb"port (\d+)", said)
        assert port, said + await process.stderr.read()
        yield Service(process, int(port[1]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def test_the_service_takes_many_clients_at_once(table: Table) -> None:
    """All that they sent is in the wire when the service was asked to end, once each."""
    lines = table.events.read_bytes().splitlines(keepends=True)
    wire = table.folder / "events.zt"
    sent = [[lines[(c * EACH + n) % len(lines)] for n in range(EACH)] for c in range(CLIENTS)]

    async def play() -> tuple[int, str]:
        async with service(table, wire) as running:
            await asyncio.gather(*map(running.send, sent))
            return await running.end()

    code, said = asyncio.run(play())
    assert code == 0, said
    assert f"encrypted {CLIENTS * EACH} events" in said
    content = wire.read_bytes()
    ids = event_ids(content.splitlines(keepends=True))
    assert len(set(ids)) == len(ids) == CLIENTS * EACH
    opened = list(Decoder(Ring.open(table.ring)).decrypt(content.splitlines(keepends=True)))
    events = read(table.events)
    expected = [events[n % len(events)] for n in range(CLIENTS * EACH)]
    assert sorted(map(repr, map(sorted_keys, opened))) == sorted(
        map(repr, map(sorted_keys, expected))
    )
    assert not leaked(identities(events), content + said.encode())


def sorted_keys(value: object) -> object:
    """A value whose text depends on no order of keys."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return value


def test_the_service_ends_while_clients_are_connected_and_starts_again(table: Table) -> None:
    """Equal events of two runs have two ids, though both runs count from zero."""
    line = table.events.read_bytes().splitlines(keepends=True)[0]
    wire = table.folder / "events.zt"

    async def play(events: int) -> tuple[int, str]:
        async with service(table, wire) as running:
            _, writer = await running.connect()
            writer.write(line + b'{"half": ')
            async with asyncio.timeout(BOUND):
                while not wire.exists() or wire.read_bytes().count(b'"seal"') < events:
                    await asyncio.sleep(0.05)
            ended = await running.end()
            writer.close()
            return ended

    for events in (1, 2):
        code, said = asyncio.run(play(events))
        assert code == 0, said
        assert "half" not in said
    ids = event_ids(wire.read_bytes().splitlines(keepends=True))
    assert len(set(ids)) == len(ids) == 2


def test_clients_wait_while_the_services_output_stalls(table: Table) -> None:
    """What is held is bounded: the sender is stopped, and nothing is lost when it goes on."""
    line = table.events.read_bytes().splitlines(keepends=True)[0]
    count = 30_000  # 20 MB, more than the buffers of the system and the service hold
    fifo = table.folder / "fifo"
    os.mkfifo(fifo)
    sink = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(sink, True)

    def drain() -> int:
        """Read to the end; how many events there were."""
        seen = 0
        rest = b""
        while block := os.read(sink, 1 << 20):
            whole, _, rest = (rest + block).rpartition(b"\n")
            seen += whole.count(b'"seal"')
        return seen

    async def play() -> tuple[int, str, int]:
        async with service(table, fifo) as running:
            sending = asyncio.create_task(running.send([line] * count))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(sending), 3)
            draining = asyncio.create_task(asyncio.to_thread(drain))
            await sending
            code, said = await running.end()
            return code, said, await draining

    try:
        code, said, seen = asyncio.run(play())
    finally:
        os.close(sink)
    assert code == 0, said
    assert seen == count


def test_a_service_that_cannot_write_says_so_and_ends(table: Table) -> None:
    lines = table.events.read_bytes().splitlines(keepends=True)

    async def play() -> tuple[int | None, str]:
        async with service(table, Path("/dev/full")) as running:
            _, writer = await running.connect()
            writer.writelines(lines)
            _, said = await asyncio.wait_for(running.process.communicate(), BOUND)
            writer.close()
            return running.process.returncode, said.decode()

    code, said = asyncio.run(play())
    assert code == 1
    assert "stopped: [Errno 28]" in said
    assert "Traceback" not in said
