"""The lines that a command refuses: the first are named, and all are kept in a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Self

import typer

from zt.cli.runtime import note

if TYPE_CHECKING:
    from analytics.wire.transport import LineOutput
    from keys import Ring
    from zt.encoder.decrypt import DecryptReject
    from zt.encoder.encrypt import Reject

SHOWN_REJECTS: Final = 20


class RejectFile:
    """Keeps refused lines, made when there is a first one, and shows the first few.

    A patient one shows none before `tell` or the end. Where the keys are the wrong ones it shows
    none at all and leaves no file: it would be the input once more.
    """

    def __init__(self, path: Path | None, *, is_patient: bool = False) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._out: LineOutput | None = None
        self._count = 0
        self._is_patient = is_patient
        self._held: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        from keys import WrongKeyError

        if self._file is not None:
            self._file.close()
        if not self._is_patient or kind is None or not issubclass(kind, WrongKeyError):
            self.tell()
        elif self._file is not None and self._path is not None and self._path.is_file():
            self._path.unlink()

    def tell(self) -> None:
        """Show what was held back, and from now on each line at once."""
        self._is_patient = False
        for text in self._held:
            note(text)
        self._held.clear()

    def keep_encrypted(self, ring: Ring) -> Callable[[Reject], None]:
        """A callback that keeps lines of plaintext under the epoch that is active then.

        It raises what `Ring.refreshed` does.
        """
        from analytics.wire import write_line
        from zt.encoder.rejects import seal_reject

        current = ring

        def keep(reject: Reject) -> None:
            nonlocal current
            current = current.refreshed()  # a retired epoch encrypts nothing, no rejects either
            self._keep(reject.line, reject.reason, write_line(seal_reject(reject, current.active)))

        return keep

    def keep_raw(self, reject: DecryptReject) -> None:
        """Keep a wire line, which is ciphertext already."""
        self._keep(reject.line, reject.reason, reject.raw + b"\n")

    def finish(self) -> None:
        """Say where the lines are, and exit 1, if there are any."""
        if self._count:
            where = f"they are in {self._path}" if self._path else "give --rejects to keep them"
            note(f"refused lines: {self._count}; {where}")
            raise typer.Exit(1)

    def _keep(self, number: int, reason: str, line: bytes) -> None:
        self._count += 1
        if self._count <= SHOWN_REJECTS:
            self._held.append(f"line {number}: {reason}")
            if not self._is_patient:
                self.tell()
        if self._path is not None:
            if self._out is None:
                self._out = self._open(self._path)
            self._out.write([line])

    def _open(self, path: Path) -> LineOutput:
        from analytics.wire.transport import LineOutput

        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        # private: a line that is no ciphertext may have come by mistake
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb")
        return LineOutput(self._file)
