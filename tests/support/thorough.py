"""How many examples a property test tries: a few in `make test`, many in `make test-all`."""

from __future__ import annotations

import os


def examples(few: int) -> int:
    """`few`, times ZT_EXAMPLES where that is set."""
    return few * int(os.environ.get("ZT_EXAMPLES", "1"))
