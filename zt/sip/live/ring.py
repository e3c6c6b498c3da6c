"""One packet socket and the ring of blocks that the kernel fills (AF_PACKET, TPACKET_V3).

The kernel writes packets one after the other into a block of shared memory and hands the whole
block over when it is full, or some milliseconds after its first packet. So one wake-up brings
hundreds of packets when there are many, and a packet costs no system call.

Everything here needs the capability CAP_NET_RAW and no other one, promiscuous mode included.

Reference: Documentation/networking/packet_mmap.rst of Linux; the layouts are those of
linux/if_packet.h.
"""

from __future__ import annotations

import array
import mmap
import socket
import struct
from dataclasses import dataclass

from zt.errors import InputError, ZtError
from zt.sip.capture import Frame
from zt.sip.live import cooked
from zt.sip.live.interfaces import Interface

# Blocks are handed over after a while, full or not, so a ring bridges at least as many of these
# whiles as it has blocks: small blocks make it robust against a reader that has to wait.
BLOCK = 1 << 17  # bytes; the largest packet (64 KiB with segmentation offload) fits
MIN_BLOCKS, MAX_BLOCKS = 16, 8_192
RETIRE = 40  # milliseconds after its first packet
_FRAME = 2_048  # bytes; only the number of blocks depends on it in this version

_SOL_PACKET = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION = 1, 5, 6, 10
_TPACKET_V3 = 2
_PROMISCUOUS = 1
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER
_ETH_P_ALL = 3
_KERNEL, _USER = 0, 1  # whose block it is

_REQUEST = struct.Struct("=7I")  # struct tpacket_req3
_MEMBERSHIP = struct.Struct("=iHH8x")  # struct packet_mreq
_FPROG = struct.Struct("@HP")  # struct sock_fprog: number of instructions, where they are
_COUNTS = struct.Struct("=III")  # struct tpacket_stats_v3: packets (drops too), drops, freezes
# struct tpacket_block_desc: status, packets, offset of the first one
_BLOCK_HEAD = struct.Struct("=8xIII")
_STATUS = struct.Struct("=I")
_STATUS_AT = 8
# struct tpacket3_hdr: offset of the next packet, seconds, nanoseconds, captured, length, status,
# offset of the data; then, 48 bytes from its beginning, struct sockaddr_ll with the protocol.
_PACKET = struct.Struct("=IIIII4xH")
_LINK_ADDRESS = struct.Struct(">48x2xH")


@dataclass(slots=True)
class RingCounters:
    """What the kernel has counted since the ring was made.

    Attributes:
        packets: those that passed the filter, dropped ones too.
        drops: of these, those for which the ring had no room.
    """

    packets: int = 0
    drops: int = 0


class Ring:
    """The packets of one interface.

    Args:
        interface: where to listen.
        program: the kernel's filter, an array of `struct sock_filter`.
        size: bytes of shared memory, rounded to whole blocks, from 2 MiB to 1 GiB.
        promiscuous: take what is sent to others too; needed at a mirror port.

    Raises:
        ZtError: the capability is missing, the interface just left, or memory is short.
    """

    def __init__(
        self, interface: Interface, program: bytes, *, size: int, promiscuous: bool
    ) -> None:
        self.interface = interface
        self._kept = RingCounters()
        self._blocks = min(max(size // BLOCK, MIN_BLOCKS), MAX_BLOCKS)
        self._next = 0  # the block that the kernel hands over next
        self._socket = _packet_socket(interface)
        self._memory: mmap.mmap | None = None
        try:
            # In this order: what comes before the filter is there never gets into the ring.
            _attach(self._socket, program)
            self._memory = _shared_memory(self._socket, self._blocks)
            if interface.number:
                self._socket.bind((interface.name, _ETH_P_ALL))
            if interface.number and promiscuous:
                member = _MEMBERSHIP.pack(interface.number, _PROMISCUOUS, 0)
                self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
        except OSError as error:
            self.close()
            raise ZtError(
                f"can't capture on {interface.name}: {(error.strerror or 'refused').lower()}",
                "see that the interface is there and up, and that memory is free for the ring",
            ) from error

    def fileno(self) -> int:
        """The socket's number, for `select.poll`."""
        return self._socket.fileno()

    def error(self) -> int:
        """What went wrong with the interface since the last call, as errno; 0: nothing."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def read(self, most: int) -> list[Frame]:
        """The packets of the blocks that are ready, oldest first.

        Args:
            most: stop after the block with which there are as many.

        Returns:
            Copies; the blocks belong to the kernel again.
        """
        found: list[Frame] = []
        memory = self._memory
        while memory is not None and len(found) < most:
            start = self._next * BLOCK
            # The kernel writes the status last. Nothing fences our reads, but some hundred
            # instructions of the interpreter stand between that of the status and the next one.
            status, packets, first = _BLOCK_HEAD.unpack_from(memory, start)
            if not status & _USER:
                break
            self._take(memory, start + first, packets, start + BLOCK, found)
            _STATUS.pack_into(memory, start + _STATUS_AT, _KERNEL)
            self._next = (self._next + 1) % self._blocks
        return found

    def counters(self) -> RingCounters:
        """The kernel's counters, summed up: it begins anew each time it is asked."""
        if self._memory is not None:
            counts = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, _COUNTS.size)
            packets, drops, _ = _COUNTS.unpack(counts)
            self._kept.packets += packets
            self._kept.drops += drops
        return self._kept

    def close(self) -> None:
        """Gives socket and memory back; the counters stay."""
        if self._memory is not None:
            self.counters()
            self._memory.close()
            self._memory = None
        self._socket.close()

    def _take(
        self, memory: mmap.mmap, position: int, packets: int, end: int, found: list[Frame]
    ) -> None:
        link_type = self.interface.link.link_type
        no_header = self.interface.link.header is None
        unpack, append = _PACKET.unpack_from, found.append
        for _ in range(packets):
            step, seconds, nanoseconds, captured, length, data_at = unpack(memory, position)
            start = position + data_at
            data = memory[start : min(start + captured, end)]
            time = seconds * 1_000_000 + nanoseconds // 1_000
            if no_header:
                protocol = _LINK_ADDRESS.unpack_from(memory, position)[0]
                append(cooked.frame(time, protocol, data, captured < length))
            else:
                append(Frame(time, link_type, data, captured < length))
            position += step


def _packet_socket(interface: Interface) -> socket.socket:
    if not hasattr(socket, "AF_PACKET"):
        raise InputError(
            "live capture works on Linux only", "capture with tcpdump and read the file"
        )
    kind = socket.SOCK_DGRAM if interface.link.header is None else socket.SOCK_RAW
    # 0: nothing comes until the socket is bound; one for all interfaces is never bound.
    protocol = 0 if interface.number else socket.htons(_ETH_P_ALL)
    try:
        return socket.socket(socket.AF_PACKET, kind, protocol)
    except PermissionError as error:
        raise ZtError(
            f"capturing on {interface.name} needs the capability CAP_NET_RAW, which is missing",
            "under systemd: AmbientCapabilities=CAP_NET_RAW and an unprivileged User=; by hand: "
            "setpriv --reuid=USER --clear-groups --inh-caps=+net_raw --ambient-caps=+net_raw "
            "before the command, as root",
        ) from error


def _attach(opened: socket.socket, program: bytes) -> None:
    code = array.array("B", program)  # has an address, and keeps it for the call
    address, size = code.buffer_info()
    opened.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, _FPROG.pack(size // 8, address))


def _shared_memory(opened: socket.socket, blocks: int) -> mmap.mmap:
    size = blocks * BLOCK
    opened.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
    request = _REQUEST.pack(BLOCK, blocks, _FRAME, size // _FRAME, RETIRE, 0, 0)
    opened.setsockopt(_SOL_PACKET, _RX_RING, request)
    return mmap.mmap(opened.fileno(), size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
