"""The whole way through the house in one process, on a real capture.

The only place where both parties meet: everything else of `zt` leaves storing and detecting to
the cloud.
"""

from zt.demo.play import Facts, play
from zt.demo.show import show

__all__ = ["Facts", "play", "show"]
