"""What the commands of `zt honeynet` share."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.runtime import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from zt.honeynet.collector.book.book import Book

BookOption = Annotated[
    Path, typer.Option("--db", envvar="ZT_HONEYNET_DB", help="The collector's book: a file.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("-c", "--config", help="Settings of the collector: a YAML file.")
]


@contextmanager
def open_book(db: Path, config: Path | None = None) -> Iterator[Book]:
    """The book, beside a collector that may be serving it."""
    require_honeynet()
    from zt.honeynet.collector.book.book import Book
    from zt.honeynet.collector.settings import load_settings

    with Book.open(db, load_settings(config).for_book(), serving=False) as book:
        yield book


def require_honeynet() -> None:
    """Say how to install what the collector needs, if it is not there.

    Raises:
        InputError: it is not.
    """
    from zt.errors import InputError

    try:
        import httptools  # noqa: F401
        import jinja2  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            f"the collector needs the package {error.name}",
            "install it: pip install 'zt-analytics[honeynet]'",
        ) from None


def moment(time: int | None) -> str:
    """A time in a table, in UTC and whole seconds; empty for none."""
    from analytics.wire import format_time

    return f"{format_time(time)[:19]}Z" if time is not None else ""


def words(*texts: str) -> list[Text]:
    """Cells of a table: no markup, and nothing that steers the terminal."""
    from rich.text import Text

    return [Text(printable(text)) for text in texts]
