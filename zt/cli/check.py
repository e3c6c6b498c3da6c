"""`zt-keys check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zt.cli.runtime import JsonOption, RingOption, fail, note, open_input, write_json

if TYPE_CHECKING:
    from analytics.wire import BadLine
    from keys import Ring
    from zt.cli.epochs import EpochEvents

OPENS = "opens"
SHOWN_LINES = 20


def check(
    keys: RingOption,
    wire: Annotated[str | None, typer.Argument(metavar="[WIRE]", help="A wire file.")] = None,
    store: Annotated[
        str | None, typer.Option("-s", "--store", envvar="ZT_STORE", help="A store.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check a ring, and which epochs of a wire file or store it opens.

    Each epoch comes with the number of its events and the times of the first and the last. Exit
    code 1: some the ring does not open, or lines are malformed, or the store has seen a newer copy
    of the ring.
    """
    from keys import Ring
    from zt.cli.epochs import epochs_of_store, epochs_of_wire

    ring = Ring.open(keys)
    report: list[dict[str, Any]] = []
    malformed = 0
    if wire is not None:
        with open_input(wire) as file:
            found = epochs_of_wire(file, _Shown())
        malformed = found.malformed
        report += [_judged("wire", epoch, ring) for epoch in found.epochs.values()]
    if store is not None:
        report += [_judged("store", epoch, ring) for epoch in epochs_of_store(store)]
    if json:
        write_json(
            {
                "tenant": ring.tenant,
                "generation": ring.generation,
                "epochs": report,
                "malformed": malformed,
            }
        )
    else:
        note(f"the key ring {keys} is whole: tenant {ring.tenant}, {len(ring.epochs)} epochs")
        for entry in report:
            note(_line(entry))
    if any(entry["verdict"] != OPENS for entry in report):
        fail("the ring does not open everything", "use the ring that encrypted the data")
    if store is not None:
        _check_generation(store, ring)
    if malformed:
        fail(f"{malformed} lines are malformed", "get the file again from where it was made")
    if (wire or store) and not report:
        fail("there are no encrypted events", "check the file or store")


def _check_generation(url: str, ring: Ring) -> None:
    """Refuse a ring that opens everything, but is an old copy."""
    from analytics.store import PATIENCE, open_store
    from zt.encoder import Decoder
    from zt.query.fitting import take_headers

    with open_store(url, wait=PATIENCE) as store:
        take_headers(Decoder(ring), ring, store)


def _judged(place: str, epoch: EpochEvents, ring: Ring) -> dict[str, Any]:
    """An epoch of a wire file or store, for machines, with what the ring says of it."""
    from keys import WrongKeyError

    verdict = OPENS
    try:
        ring.epoch(epoch.kid, epoch.kcv)
        if epoch.kcv is None:
            verdict = "no batch header comes before them; a store has it: zt decrypt -s STORE"
    except WrongKeyError as error:
        verdict = str(error)
    first, last = epoch.span()
    return {
        "in": place,
        "kid": epoch.kid,
        "events": epoch.events,
        "first": first,
        "last": last,
        "verdict": verdict,
    }


def _line(entry: dict[str, Any]) -> str:
    """The same for people."""
    first, last = entry["first"], entry["last"]
    span = f" from {first or 'unknown'} to {last or 'unknown'}" if first or last else ""
    what = f"epoch {entry['kid']}, {entry['events']} events{span}"
    return f"{entry['in']}: {what}: {entry['verdict']}"


class _Shown:
    """Names the first malformed lines."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, line: BadLine) -> None:
        self._count += 1
        if self._count <= SHOWN_LINES:
            note(f"line {line.number}: {line.reason}")
