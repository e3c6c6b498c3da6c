"""Live capture on Linux: packets of network interfaces, filtered in the kernel.

    bpf          an assembler for classic BPF
    filters      the programs: what may be SIP passes
    interfaces   which there are, and how their frames begin
    cooked       packets whose link header the kernel took off
    ring         one packet socket with its ring of blocks in shared memory
    merging      frames of several rings in the order of their time
    source       all of this together: `LiveSource`

Needs the capability CAP_NET_RAW, and no other privilege.
"""

from __future__ import annotations

from zt.sip.live.filters import DEFAULT_PORTS, PortRange
from zt.sip.live.interfaces import ANY
from zt.sip.live.source import LiveSource

__all__ = ["ANY", "DEFAULT_PORTS", "LiveSource", "PortRange"]
