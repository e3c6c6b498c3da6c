"""`zt encrypt`, `zt decrypt` and `zt rejects`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.flow import open_flow
from zt.cli.runtime import (
    InputArgument,
    OutputOption,
    RingOption,
    is_special,
    note,
    note_withheld,
    open_input,
    write_lines,
)

if TYPE_CHECKING:
    from keys import Ring
    from zt.encoder.decrypt import Decoder

ProfileOption = Annotated[
    str, typer.Option("-p", "--profile", envvar="ZT_PROFILE", help="Preset or YAML file.")
]
RejectsOption = Annotated[
    Path | None,
    typer.Option("--rejects", help="Where refused lines are kept; OUT.rejects without it."),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", help="No progress bar and no summary; errors all the same.")
]
SummaryOption = Annotated[
    bool, typer.Option("--json", help="The summary as a line of JSON; on stderr, as ever.")
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
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, help="Processes that encrypt.")
    ] = 1,
    quiet: QuietOption = False,
    json: SummaryOption = False,
) -> None:
    """Encrypt JSON events, one a line, into wire batches. Files may be .gz or .zst.

    Lines that are no events are reported, kept encrypted in the reject file, and make the exit
    code 1. From a pipe, what came is passed on within a moment. A signal ends it after the batch
    under way; an output file is then not written.
    """
    from keys import Ring
    from zt.cli.profile import warn_of_unsafe
    from zt.cli.reject_file import RejectFile
    from zt.encoder import Encoder
    from zt.profile import load_profile

    ring = Ring.open(keys)
    rules = load_profile(profile)
    warn_of_unsafe(rules)
    with RejectFile(_rejects_path(rejects, output)) as kept:
        encoder = Encoder(
            ring, rules, stream=stream, on_reject=kept.keep_encrypted(ring), workers=workers
        )
        report = encoder.report
        with open_flow(source, output, quiet=quiet) as flow:
            for wire in encoder.encrypt_batches(flow.batches):
                flow.write(wire, report.events)
    if json:
        flow.write_summary(asdict(report))
    elif not quiet:
        note(f"encrypted {report.events} events, refused {report.rejected} lines")
        note(f"{report.values} value records; {flow.summary()}")
    if report.fallbacks and not json:
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
    quiet: QuietOption = False,
    json: SummaryOption = False,
) -> None:
    """Decrypt wire batches into JSON events, one a line; verify every seal and tag.

    Lines that fail are reported, kept as they are in the reject file, and make the exit code 1.
    With another ring's keys nothing is written, and the reason comes once. Files, pipes and
    signals are treated as by `zt encrypt`.
    """
    import msgspec

    from keys import Ring
    from zt.cli.reject_file import RejectFile
    from zt.encoder import Decoder  # the type of the same name is for checkers only

    ring = Ring.open(keys)
    with RejectFile(_rejects_path(rejects, output), is_patient=True) as kept:
        decoder = Decoder(ring, on_reject=kept.keep_raw)
        report = decoder.report
        if store is not None:
            _take_headers(decoder, ring, store)
        with open_flow(source, output, quiet=quiet) as flow:
            for events in decoder.decrypt_batches(flow.batches):
                if events:
                    kept.tell()
                flow.write([msgspec.json.encode(event) + b"\n" for event in events], report.events)
    if json:
        flow.write_summary(asdict(report))
    elif not quiet:
        note(f"decrypted {report.events} events, refused {report.rejected} lines")
        note(flow.summary())
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


def _rejects_path(rejects: Path | None, output: Path | None) -> Path | None:
    if rejects is not None or output is None:
        return rejects
    return output.with_name(output.name + ".rejects") if not is_special(output) else None


def _take_headers(decoder: Decoder, ring: Ring, url: str) -> None:
    from analytics.store import PATIENCE, open_store
    from zt.query.fitting import check_epochs, take_headers

    with open_store(url, wait=PATIENCE) as store:
        check_epochs(ring, store)
        take_headers(decoder, ring, store)
