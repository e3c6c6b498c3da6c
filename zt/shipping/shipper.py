"""Events of a live source on their way to a store: the door that sources use."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from keys import KeysError, Ring
from zt.errors import WorkerError, ZtError
from zt.profile import Profile
from zt.shipping.counters import ShippingCounters
from zt.shipping.outlets import Outlet, StoreOutlet
from zt.shipping.packing import Packer, boot_stream
from zt.shipping.pending import Pending
from zt.shipping.sending import Sender
from zt.shipping.settings import ShippingSettings
from zt.shipping.spool import Spool
from zt.shipping.trouble import Trouble

_AGAIN: Final = 0.5  # seconds between two attempts while the ring can't be used


class Shipper:
    """Encrypts events in this process and delivers them, and loses none silently.

    Two threads work: one encrypts and spools, one delivers, so that whoever gives events never
    waits for a disk or a network. An event is on the disk, encrypted, after about
    `batch_seconds`, and in the store as soon as that takes it. What was spooled survives the
    process, however that ends, and is sent by the next one that has the same spool.

    A new epoch of the ring is used from the next batch on. While the ring can't be used (it is
    gone, an older copy, or has no active epoch) nothing is encrypted and nothing leaves in clear:
    events wait in memory, as many as there is room for.

    Args:
        ring: an opened ring, not a reader ring.
        profile: what to do with each field.
        outlet: where batches go; a text is a store's URL.
        spool: the folder of the spool; None: batches wait in memory only.
        name: what the source is called in the ids of events; an id of this run is added.
        settings: when a batch is cut, how much may wait.
        say: is given what a person should know, without plaintext; called from any thread.

    Raises:
        SpoolError: the spool can't be used, or another process has it.
        StoreError: the outlet is no URL of a store.
        GrantError, RingError: the ring can't encrypt.
    """

    def __init__(
        self,
        ring: Ring,
        profile: Profile,
        outlet: Outlet | str,
        spool: Path | None,
        *,
        name: str,
        settings: ShippingSettings | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        settings = settings or ShippingSettings()
        self._settings = settings
        self._say = say
        self._ring = ring
        self._outlet = StoreOutlet(outlet) if isinstance(outlet, str) else outlet
        self._packer = Packer(ring, profile, boot_stream(name))
        self._profile: Profile | None = None  # to go on with
        # one for each thread, which alone counts there
        self._given, self._packed, self._sent = (ShippingCounters() for _ in range(3))
        self._pending = Pending(settings)
        self._encode = msgspec.json.Encoder().encode
        self._trouble = Trouble(say, "events are encrypted again")
        self._room = Trouble(say, "there is room for events again")
        self._is_hasty = threading.Event()
        self._failure = ""
        self._is_unread = False
        self._is_drained = False
        self._spool = Spool(
            spool, limit=settings.spool_bytes, memory=settings.memory_bytes, say=say
        )
        self._sender = Sender(self._spool, self._outlet, ring, self._sent, say)
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for work, name in ((self._pack, "zt-packing"), (self._sender.run, "zt-sending"))
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drain()

    def start(self) -> None:
        """Look whether the outlet is the right one for the ring, and begin.

        An outlet that is away is no reason to wait: events go into the spool.

        Raises:
            KeysError, ZtError, StoreError: the store or the ring is the wrong one, or there can be
                no store where the URL says.
        """
        try:
            away = self._outlet.check(self._ring)
        except BaseException:
            self._spool.close()
            raise
        if away is not None:
            self._say(f"{away}; events wait in the spool")
        for thread in self._threads:
            thread.start()

    def send(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take events on the way; returns at once.

        Raises:
            BrokenPipeError: the outlet is a pipe, whose reader has left.
            WorkerError: one of the threads ended by a defect: nothing is delivered any more.
        """
        if self._is_unread:
            raise BrokenPipeError
        if self._failure:
            raise WorkerError(
                f"shipping failed by a defect of this program: {self._failure}",
                "please report it; what was spooled is sent when the program starts again",
            )
        lines = []
        for event in events:
            self._given.events += 1
            try:
                lines.append(self._encode(event) + b"\n")
            except (ValueError, TypeError, msgspec.MsgspecError):  # as a text of half a character
                self._given.unfit += 1
        if lost := self._pending.add(lines):
            self._given.lost += lost
            self._room.tell(
                "full",
                "the memory for events is full: new ones are lost, and counted, until they can be "
                "encrypted again",
            )
        elif lines:
            self._room.is_over()

    def reload(
        self, profile: Profile | None = None, settings: ShippingSettings | None = None
    ) -> None:
        """Read the ring again, and try to deliver now; go on with what is given.

        Rotated rings are noticed without this.
        """
        if profile is not None:
            self._profile = profile
        if settings is not None:
            self._settings = self._pending.settings = settings
            self._spool.resize(settings.spool_bytes, settings.memory_bytes)
        self._sender.hurry()

    def drain(self, seconds: float | None = None) -> ShippingCounters:
        """Encrypt and spool what is there, deliver what can be delivered, and end.

        What is not delivered by then stays in the spool, for the next run.

        Args:
            seconds: how long this may take; the settings say it otherwise.
        """
        if self._is_drained:
            return self.counters()
        self._is_drained = True
        deadline = time.monotonic() + (self._settings.drain_seconds if seconds is None else seconds)
        packing, sending = self._threads
        self._is_hasty.set()
        self._pending.close()
        _join(packing, deadline)
        self._sender.end()
        _join(sending, deadline)
        self._sender.give_up()
        _join(sending, deadline)
        counters = self.counters()
        if lost := self._spool.close():
            self._say(f"{lost} encrypted events are lost: they were in memory only")
        if counters.pending:
            self._say(f"{counters.pending} events are lost: they could not be encrypted in time")
        return counters

    def counters(self) -> ShippingCounters:
        """All counters as they are now."""
        given, packed, sent = self._given, self._packed, self._sent
        counters = dataclasses.replace(
            sent,
            encrypted=packed.encrypted,
            batches=packed.batches,
            unfit=given.unfit + packed.unfit,
            lost=given.lost + packed.lost,
            events=given.events,
        )
        past = counters.encrypted + counters.unfit + counters.lost
        counters.pending = max(0, counters.events - past)
        self._spool.count(counters)
        return counters

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BrokenPipeError:
            self._is_unread = True
        except Exception as error:  # noqa: BLE001  # its message may quote what was encrypted
            self._failure = type(error).__name__
            self._pending.close()
            self._sender.give_up()

    def _pack(self) -> None:
        """What the packing thread does until the end."""
        while (lines := self._pending.take()) is not None:
            self._pack_lines(lines)

    def _pack_lines(self, lines: list[bytes]) -> None:
        while True:
            try:
                if self._profile is not None:
                    self._packer.use(self._profile)
                    self._profile = None
                packed = self._packer.pack(lines)
                break
            except (KeysError, ZtError) as error:
                self._trouble.tell(str(error), f"{error.diagnostics()}; events wait in memory")
                if self._is_hasty.wait(_AGAIN):
                    self._packed.lost += len(lines)
                    self._say(f"{len(lines)} events are lost: they could not be encrypted")
                    return
        self._trouble.is_over()
        for reject in packed.unfit[:1]:
            self._say(f"{len(packed.unfit)} events can't be encrypted: {reject.reason}")
        if packed.events:
            self._spool.put(packed.events, packed.data)
            self._packed.batches += 1
        self._packed.encrypted += packed.events
        self._packed.unfit += len(packed.unfit)


def default_spool(store: str) -> Path:
    """Where a store's spool is if nobody says: below the service's or the user's state folder.

    The name depends on the store, so that what waits for one is never sent to another.
    """
    name = hashlib.blake2b(store.encode(), digest_size=8).hexdigest()
    if state := os.environ.get("STATE_DIRECTORY"):  # by systemd
        return Path(state.split(":")[0]) / f"spool-{name}"
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "zt" / f"spool-{name}"


def _join(thread: threading.Thread, deadline: float) -> None:
    if thread.ident is not None:  # it was started
        thread.join(max(0.0, deadline - time.monotonic()))


__all__ = ["Shipper", "default_spool"]
