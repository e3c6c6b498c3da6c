"""What all commands share: how they end, read and write.

Modules of the product are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NoReturn, ParamSpec, TypedDict

import typer

if TYPE_CHECKING:
    from zt.encoder.plan import Plan
    from zt.times import Clock

RingOption = Annotated[Path, typer.Option("-k", "--keys", envvar="ZT_KEYS", help="Key ring.")]
StoreOption = Annotated[
    str,
    typer.Option(
        "-s",
        "--store",
        envvar="ZT_STORE",
        help="Store, as duckdb:PATH or opensearch+https://HOST/PREFIX.",
    ),
]
InputArgument = Annotated[str, typer.Argument(metavar="[IN|-]", help="File, or - for stdin.")]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", help="File; stdout without it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines: JSON on stdout.")]
PackOption = Annotated[str, typer.Option("--pack", help="Pack of jobs: a name or a YAML file.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", help="From this time on: a date, a time, or 2h for two hours ago."),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Before this time; a date: before it begins.")
]
ZoneOption = Annotated[
    str,
    typer.Option(
        "--time-zone",
        envvar="ZT_TIME_ZONE",
        help="Whose dates and times those without a zone are, as Europe/Berlin.",
    ),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="ZT_PASSPHRASE_FILE",
        help="Private file with the ring's passphrase, if it has one.",
    ),
]
NewPassphraseOption = Annotated[
    Path | None,
    typer.Option("--new-passphrase-file", help="Private file with the new passphrase."),
]

P = ParamSpec("P")


def command(
    app: typer.Typer, name: str | None = None
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Add a function to a command line, as a command that ends as the contract says.

    Bad input gives no traceback, and a closed pipe is no error.
    """

    def add(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
                sys.stdout.flush()
            except typer.Exit:
                raise  # before the clauses below look anything up
            except BrokenPipeError:
                _silence_stdout()
            except KeyboardInterrupt:
                note("interrupted")
                raise typer.Exit(130) from None
            except OSError as error:
                where = f" {error.filename}" if error.filename else ""
                reason = (error.strerror or str(error)).lower()
                fail(f"can't read or write{where}: {reason}", "check path, space and rights")
            except _known_errors() as error:
                fail(str(error), error.hint)

        app.command(name)(run)
        return function

    return add


def fail(message: str, hint: str) -> NoReturn:
    """Say what happened and what to do next, and exit 1."""
    note(f"error: {message}\n  {hint}")
    raise typer.Exit(1)


def collect_seldom() -> None:
    """Look for cyclic garbage less often: for commands that make events, which have no cycles.

    A probe holds a hundred thousand small objects that live for seconds, among which the
    collector finds nothing; looking costs four percent of its time at Python's own settings.
    """
    gc.set_threshold(50_000, 20, 20)


def note(text: str) -> None:
    """Prose on stderr. What came in can't steer the terminal."""
    sys.stderr.write("\n".join(map(printable, text.split("\n"))) + "\n")


def write_json(value: Any) -> None:
    """One JSON document on stdout, as a line."""
    write_lines([json_line(value)])


def json_line(value: Any) -> bytes:
    """A value as a line of JSON, with its end, that steers no terminal.

    What would not show as a character is escaped, which is the same JSON.
    """
    import msgspec

    text = msgspec.json.encode(value).decode()
    if not text.isprintable():
        text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    return text.encode() + b"\n"


def write_lines(lines: Iterable[bytes]) -> None:
    """Lines on stdout, each passed on as it comes."""
    out = sys.stdout.buffer
    for line in lines:
        out.write(line)
    out.flush()


@contextlib.contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """The named file, or stdin for `-`."""
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as file:
            yield file


@contextlib.contextmanager
def open_output(path: Path | None) -> Iterator[BinaryIO]:
    """The named file, or stdout. The file appears whole when all went well, or not at all."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if is_special(path):
        with path.open("wb") as file:
            yield file
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def is_special(path: Path) -> bool:
    """Whether it is a device or pipe, which can't be replaced."""
    return path.exists() and not path.is_file()


def note_withheld(plans: Sequence[Plan]) -> None:
    """Say which fields a reader ring left out of events; nothing with a full ring."""
    paths = sorted({path for plan in plans for path in plan.withheld()})
    if not all(plan.opens_hidden for plan in plans):
        paths.append("all hidden fields")
    if paths:
        note(f"left out, since the reader ring does not open them: {', '.join(paths)}")


def use_passphrase_file(path: Path | None) -> None:
    """Have a passphrase read from a file, by the variable that every command understands."""
    if path is not None:
        os.environ["ZT_PASSPHRASE_FILE"] = str(path)


def now_microseconds() -> int:
    """The time now, microseconds since 1970."""
    import time

    return time.time_ns() // 1000


class Span(TypedDict):
    """A span of time as a session's arguments, microseconds since 1970."""

    since: int | None
    until: int | None


def span_of_time(since: str | None, until: str | None, clock: Clock) -> Span:
    """`--since` and `--until` as a session's arguments."""
    from zt.times import parse_moment

    return {
        "since": parse_moment(since, clock) if since else None,
        "until": parse_moment(until, clock) if until else None,
    }


def _known_errors() -> tuple[type[Any], ...]:
    """The roots of the packages' errors; looked up only once there is an error."""
    from analytics.wire.errors import AnalyticsError
    from keys.errors import KeysError
    from zt.errors import ZtError

    return ZtError, KeysError, AnalyticsError


def printable(text: str) -> str:
    """The text with everything that a terminal would not show as a character escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _silence_stdout() -> None:
    """Keep the interpreter from complaining about a closed pipe when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
