"""From the bytes of one HEP message to a datagram for the probe."""

from __future__ import annotations

import hmac

from zt.sip.capture import Datagram, Duplicates
from zt.sip.hep import v2, v3
from zt.sip.hep.content import SIP, Content, Refusal
from zt.sip.hep.counters import HepCounters
from zt.sip.hep.settings import HepSettings
from zt.sip.hep.transports import transport_of

_SECOND = 1_000_000  # microseconds


class HepDecoder:
    """Decodes messages of all versions and counts what becomes of them.

    Args:
        settings: the key and the tolerance of clocks.
        counters: where to count.
        duplicates: what knows copies; None makes one.
    """

    def __init__(
        self, settings: HepSettings, counters: HepCounters, duplicates: Duplicates | None = None
    ) -> None:
        self._key = settings.key
        self._ahead = round(settings.ahead * _SECOND)
        self._behind = round(settings.behind * _SECOND)
        self._counters = counters
        self._duplicates = Duplicates() if duplicates is None else duplicates

    def decode(self, data: bytes, arrival: int) -> Datagram | None:
        """Decodes one message.

        Args:
            data: any bytes.
            arrival: when they came, microseconds since 1970.

        Returns:
            The datagram, or None, with the reason counted. Never raises.
        """
        counters = self._counters
        counters.messages += 1
        content = self._accepted(data)
        if isinstance(content, Refusal):
            setattr(counters, content.value, getattr(counters, content.value) + 1)
            return None
        transport = transport_of(content.protocol, content.payload)
        datagram = Datagram(
            self._time(content.times, arrival),
            content.src,
            content.src_port,
            content.dst,
            content.dst_port,
            content.payload,
            transport,
            content.cut,
            transport != "UDP",
        )
        if self._duplicates.seen(datagram):
            counters.duplicates += 1
            return None
        counters.datagrams += 1
        return datagram

    def _accepted(self, data: bytes) -> Content | Refusal:
        content = _content(data)
        if isinstance(content, Refusal):
            return content
        if self._key and not hmac.compare_digest(self._key, content.key):
            return Refusal.UNAUTHORISED
        if content.payload_type != SIP or not content.payload:
            return Refusal.OTHER_PAYLOAD
        return content

    def _time(self, times: tuple[int, ...], arrival: int) -> int:
        """The first of the times that an honest clock can have said, else that of arrival."""
        for time in times:
            if -self._ahead <= arrival - time <= self._behind:
                return time
        self._counters.clock_corrected += 1
        return arrival


def _content(data: bytes) -> Content | Refusal:
    if data[:4] == v3.MAGIC:
        return v3.decode(data)
    if data[:1] in (b"\x01", b"\x02"):
        return v2.decode(data)
    return Refusal.MALFORMED
