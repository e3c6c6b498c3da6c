"""`zt hunt`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zt.cli.ask import CsvOption, end, one_format
from zt.cli.runtime import (
    JsonOption,
    RingOption,
    SinceOption,
    StoreOption,
    UntilOption,
    ZoneOption,
    json_line,
    note,
    open_input,
    span_of_time,
    write_lines,
)

if TYPE_CHECKING:
    from zt.hunt.hunt import Hit, Hunted
    from zt.hunt.reading import Reading

ListOption = Annotated[
    list[str],
    typer.Option(
        "--list",
        metavar="URL|FILE|-",
        help="Addresses and networks: a file, https://HOST/FILE, or apiban+https://HOST for all "
        "that a server of APIBAN's interface lists. May be given several times.",
    ),
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="FIELD", help="Look here only; else wherever addresses are shown."
    ),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        envvar="ZT_LIST_KEY_FILE",
        help="Private file with the key that the server of the lists gave you.",
    ),
]
AuthorityOption = Annotated[
    Path | None,
    typer.Option("--ca-file", help="Certificates that sign the server's, if not the system's."),
]


def hunt(
    keys: RingOption,
    store: StoreOption,
    lists: ListOption,
    field: FieldOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    time_zone: ZoneOption = "UTC",
    key_file: KeyOption = None,
    ca_file: AuthorityOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Find out which addresses of a list ever touched you.

    The cloud is asked for all addresses that it has, encrypted, and they are opened and matched
    here: it learns nothing of the list, nor of what was found. Lists are text, CSV, JSON, or what
    ipset and nftables print, with networks and ranges too.

    Exit code 0: none was seen, and all was searched. 1: some were seen, a field could not be
    searched, or values were refused.
    """
    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.hunt.hunt import hunt as find
    from zt.query import Session
    from zt.times import Clock

    one_format(json=json, csv=csv, explain=False)
    span = span_of_time(since, until, Clock.of(time_zone))
    ring = Ring.open(keys)
    readings = _read_lists(lists, key_file, ca_file)  # before the store is kept from others
    with open_store(store, wait=PATIENCE) as opened:
        session = Session(ring, opened)
        hunted = find(session, [reading.listing for reading in readings], field or (), **span)
    if json:
        write_lines(json_line(_described(hit)) for hit in hunted.hits)
    elif csv:
        from zt.cli.export import write_csv

        heads = ("address", "first", "last", "count", "fields", "listed")
        write_csv(heads, map(_row, hunted.hits))
    elif hunted.hits:
        _print_table(hunted)
    _note_result(hunted, sum(len(reading.listing) for reading in readings))
    end(session)
    if hunted.hits or hunted.unanswered:
        raise typer.Exit(1)


def _read_lists(places: list[str], key_file: Path | None, ca_file: Path | None) -> list[Reading]:
    from urllib.parse import urlsplit

    from zt.hunt.fetching import Fetcher, is_url

    if places.count("-") > 1:
        raise typer.BadParameter("stdin can be read once only", param_hint="--list")
    if key_file is not None:
        servers = {urlsplit(place).netloc.lower() for place in places if is_url(place)}
        if len(servers) > 1:
            raise typer.BadParameter(
                "it would go to several servers: hunt by the lists of one at a time",
                param_hint="--key-file",
            )
    fetcher = Fetcher(_read_key(key_file) if key_file else None, ca_file, note)
    readings = []
    for place in places:
        reading = fetcher.read(place, _read_file)
        _note_reading(reading)
        readings.append(reading)
    return readings


def _read_file(name: str) -> bytes:
    """As much of a file as a list may have, and a byte more."""
    from zt.hunt.reading import MAX_BYTES

    with open_input(name) as file:
        return file.read(MAX_BYTES + 1)


def _read_key(path: Path) -> str:
    """The key of a server of lists: a private file's first line."""
    from keys.files import read_private
    from zt.errors import InputError

    line = read_private(path, "key file").split(b"\n", 1)[0].strip()
    if not line or not all(0x21 <= byte <= 0x7E for byte in line):
        raise InputError(f"{path} begins with no key", "put the key into its first line")
    return line.decode()


def _note_reading(reading: Reading) -> None:
    name = reading.listing.name
    if reading.bad:
        places = ", ".join(map(str, reading.bad_places))
        note(f"{name}: passed over {reading.bad} that are no address, the first at {places}")
    if reading.is_page:
        note(f"{name} is one page of a longer list: to have all, give apiban+https://HOST")


def _print_table(hunted: Hunted) -> None:
    from zt.cli.figures import short_time
    from zt.cli.tables import Terminal, cell, plain_table

    table = plain_table("address", "first seen", "last seen", "events", "fields", "listed by")
    for hit in hunted.hits:
        first, last = ("" if when is None else short_time(when) for when in (hit.first, hit.last))
        table.add_row(
            cell(hit.address),
            first,
            last,
            str(hit.count),
            cell(", ".join(hit.fields)),
            cell(", ".join(_listed(hit))),
        )
    Terminal().print(table)


def _note_result(hunted: Hunted, entries: int) -> None:
    where = ", ".join(hunted.asked) or "no field"
    found = len(hunted.hits)
    note(f"{found} found: {entries} entries against {hunted.values} values of {where}")
    for field, kid, profile, reason in hunted.unanswered:
        note(f"not searched: {field or 'all'} of profile {profile} in epoch {kid}: {reason}")


def _listed(hit: Hit) -> Iterator[str]:
    """What lists it: an entry that is a network is named too."""
    for name, entry in hit.listed:
        yield name if entry == hit.address else f"{name} ({entry})"


def _row(hit: Hit) -> tuple[str | int | None, ...]:
    described = _described(hit)
    times = described["first"], described["last"]
    return (hit.address, *times, hit.count, " ".join(hit.fields), "; ".join(_listed(hit)))


def _described(hit: Hit) -> dict[str, Any]:
    """A hit for machines."""
    from analytics.wire import format_time

    return {
        "address": hit.address,
        "first": None if hit.first is None else format_time(hit.first),
        "last": None if hit.last is None else format_time(hit.last),
        "count": hit.count,
        "fields": hit.fields,
        "listed": [{"list": name, "entry": entry} for name, entry in hit.listed],
    }
