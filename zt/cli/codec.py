"""`zt encrypt`, `zt decrypt` and `zt rejects`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.runtime import (
    InputArgument,
    OutputOption,
    RingOption,
    note,
    note_withheld,
    open_input,
    open_output,
    write_lines,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from keys import Ring
    from zt.encoder.decrypt import Decoder, DecryptReject
    from zt.encoder.encrypt import Reject

SHOWN_REJECTS = 20

ProfileOption = Annotated[
    str, typer.Option("-p", "--profile", envvar="ZT_PROFILE", help="Preset or YAML file.")
]
RejectsOption = Annotated[
    Path | None,
    typer.Option("--rejects", help="Where refused lines are kept; OUT.rejects without it."),
]


def encrypt(
    keys: RingOption,
    source: InputArgument = "-",
    profile: ProfileOption = "sip-balanced",
    output: OutputOption = None,
    stream: Annotated[
        str | None, typer.Option("--stream", help="Name of the stream, for the events' ids.")
    ] = None,
    rejects: RejectsOption = None,
) -> None:
    """Encrypt JSON events, one a line, into wire batches.

    Lines that are no events are reported, kept encrypted in the reject file, and make the exit
    code 1.
    """
    from analytics.wire import input_lines
    from keys import Ring
    from zt.cli.profile import warn_of_unsafe
    from zt.encoder import Encoder
    from zt.profile import load_profile

    ring = Ring.open(keys)
    rules = load_profile(profile)
    warn_of_unsafe(rules)
    with _RejectFile(_rejects_path(rejects, output)) as kept:
        encoder = Encoder(
            ring,
            rules,
            stream=stream,
            on_reject=kept.keep_encrypted(ring),
        )
        with open_input(source) as file, open_output(output) as out:
            for line in encoder.encrypt(input_lines(file)):
                out.write(line)
    report = encoder.report
    note(f"encrypted {report.events} events, refused {report.rejected} lines")
    if report.fallbacks:
        counts = ", ".join(f"{path} {count}" for path, count in report.fallbacks.most_common())
        note(
            f"{report.fallbacks.total()} values did not fit the scheme of their field and were "
            f"encrypted by det: {counts}"
        )
    kept.finish()


def decrypt(
    keys: RingOption,
    source: InputArgument = "-",
    output: OutputOption = None,
    store: Annotated[
        str | None,
        typer.Option("-s", "--store", help="Store that supplies headers which the input lacks."),
    ] = None,
    rejects: RejectsOption = None,
) -> None:
    """Decrypt wire batches into JSON events, one a line; verify every seal and tag.

    Lines that fail are reported, kept as they are in the reject file, and make the exit code 1.
    With another ring's keys nothing is written, and the reason comes once.
    """
    import msgspec

    from analytics.wire import input_lines
    from keys import Ring
    from zt.encoder import Decoder  # the type of the same name is for checkers only

    ring = Ring.open(keys)
    with _RejectFile(_rejects_path(rejects, output), is_patient=True) as kept:
        decoder = Decoder(ring, on_reject=kept.keep_raw)
        if store is not None:
            _take_headers(decoder, ring, store)
        with open_input(source) as file, open_output(output) as out:
            for event in decoder.decrypt(input_lines(file)):
                kept.tell()
                out.write(msgspec.json.encode(event) + b"\n")
    report = decoder.report
    note(f"decrypted {report.events} events, refused {report.rejected} lines")
    note_withheld(decoder.plans())
    kept.finish()


def rejects(keys: RingOption, source: InputArgument = "-") -> None:
    """Print the lines of a reject file that `zt encrypt` kept."""
    from analytics.wire import input_lines
    from keys import Ring
    from zt.encoder.rejects import open_rejects

    ring = Ring.open(keys)
    with open_input(source) as file:
        for number, reason, raw in open_rejects(input_lines(file), ring):
            note(f"line {number}: {reason}")
            write_lines([raw + b"\n"])


class _RejectFile:
    """Keeps refused lines, made when there is a first one, and shows the first few.

    A patient one shows none before `tell` or the end. Where the keys are the wrong ones it shows
    none at all and leaves no file: it would be the input once more.
    """

    def __init__(self, path: Path | None, *, is_patient: bool = False) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._count = 0
        self._is_patient = is_patient
        self._held: list[str] = []

    def __enter__(self) -> _RejectFile:
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
            if self._file is None:  # private: a line that is no ciphertext may have come by mistake
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb")
            self._file.write(line)


def _rejects_path(rejects: Path | None, output: Path | None) -> Path | None:
    if rejects is not None or output is None:
        return rejects
    return output.with_name(output.name + ".rejects") if not _is_special(output) else None


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _take_headers(decoder: Decoder, ring: Ring, url: str) -> None:
    from analytics.store import PATIENCE, open_store
    from zt.query.fitting import check_epochs, take_headers

    with open_store(url, wait=PATIENCE) as store:
        check_epochs(ring, store)
        take_headers(decoder, ring, store)
