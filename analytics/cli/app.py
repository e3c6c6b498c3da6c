"""What all commands share: their options, and how they end, read and write.

Data goes to stdout, prose to stderr. Exit codes: 0 fine, 1 failed, 2 usage, 130 interrupted.
The product's modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ParamSpec

import typer

StoreOption = Annotated[
    str,
    typer.Option(
        "-s",
        "--store",
        envvar="ZT_STORE",
        help="Store, as duckdb:PATH or opensearch+https://HOST/PREFIX.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines: JSON on stdout.")]

P = ParamSpec("P")


def command(function: Callable[P, None]) -> Callable[P, None]:
    """A command that ends as the contract says, without a traceback for what it was given."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            _silence_stdout()
        except KeyboardInterrupt:
            note("interrupted")
            raise typer.Exit(130) from None
        except OSError as error:
            where = f" {error.filename}" if error.filename else ""
            reason = (error.strerror or str(error)).lower()
            note(f"error: can't read or write{where}: {reason}\n  check path, space and rights")
            raise typer.Exit(1) from None
        except _known_errors() as error:
            note(f"error: {error.diagnostics()}")
            raise typer.Exit(1) from None

    return run


def note(text: str) -> None:
    """Prose on stderr. What came in can't steer the terminal."""
    sys.stderr.write("\n".join(map(printable, text.split("\n"))) + "\n")
    sys.stderr.flush()


def printable(text: str) -> str:
    """The text with everything that a terminal would not show as a character escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_json(value: Any) -> None:
    """One JSON document on stdout, as a line that is passed on at once."""
    import msgspec

    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


@contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """The named file, or stdin for `-`."""
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as file:
            yield file


def _known_errors() -> type[Any]:
    """The root of the package's errors; looked up only once there is an error."""
    from analytics.wire.errors import AnalyticsError

    return AnalyticsError


def _silence_stdout() -> None:
    """Keep the interpreter from complaining about a closed pipe when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
