"""How lines get in and out of files and pipes: batch by batch, compressed or not, and to an end.

Both sides of the trust boundary read and write their streams with this; nothing here knows what
a line means.
"""

from analytics.wire.transport.batches import BATCH_BYTES, BATCH_LINES, LineCutter, line_batches
from analytics.wire.transport.compressed import Compression, compression_of
from analytics.wire.transport.output import LineOutput
from analytics.wire.transport.sources import Source, open_source
from analytics.wire.transport.stopping import Stop

__all__ = [
    "BATCH_BYTES",
    "BATCH_LINES",
    "Compression",
    "LineCutter",
    "LineOutput",
    "Source",
    "Stop",
    "compression_of",
    "line_batches",
    "open_source",
]
