"""SIP in TCP connections: segments -> streams -> messages.

segment      the header of a segment
handshakes   connections without data yet
flow         one direction: segments in order
reader       what a stream speaks
startline    by what SIP is recognised
framing      where SIP messages begin and end
websocket    the upgrade to WebSocket, and its frames
connection   two flows
table        all connections
"""

from __future__ import annotations

from zt.sip.capture.tcp.table import TcpStreams

__all__ = ["TcpStreams"]
