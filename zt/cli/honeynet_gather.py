"""`zt honeynet gather`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.following import FollowEveryOption, follow_turns, seconds_between
from zt.cli.honeynet_options import ConfigOption, open_book
from zt.cli.runtime import PackOption, RingOption, StoreOption, fail, note, now_microseconds

if TYPE_CHECKING:
    from zt.honeynet.gathering import Gathered, Gatherer
    from zt.honeynet.outlets import Outlet

StateOption = Annotated[
    Path,
    typer.Option("--state", help="File that it keeps, of what the collector was told."),
]


def gather(
    keys: RingOption,
    store: StoreOption,
    state: StateOption,
    db: Annotated[
        Path | None,
        typer.Option("--db", envvar="ZT_HONEYNET_DB", help="The collector's book, if it is here."),
    ] = None,
    name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="With --db: who reports; see honeypots add.")
    ] = "cloud",
    report: Annotated[
        str | None, typer.Option("--report", metavar="URL", help="The collector, if it is not.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="With --report: private file of the token.")
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", help="With --report: authorities, if not the system's."),
    ] = None,
    config: ConfigOption = None,
    pack: PackOption = "honeynet",
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on, and tell what comes as it comes.")
    ] = False,
    every: FollowEveryOption = None,
) -> None:
    """Tell the collector what the cloud's jobs found in the events of honeypots.

    Findings are opened with the honeynet's ring, and each is proven by its own events before it is
    told: of senders that have proven their addresses, no older than a week. With --follow it goes
    on until SIGTERM or SIGINT, and tells again what the collector did not take. Exit code 1:
    findings were refused, or the collector did not take something.
    """
    if (db is None) == (report is None):
        raise typer.BadParameter("give one of them", param_hint="--db, --report")
    if every is not None and not follow:
        raise typer.BadParameter("it goes with --follow only", param_hint="--every")
    seconds = seconds_between(every)
    from keys import Ring
    from zt.honeynet.gathering import Gatherer
    from zt.honeynet.told import Told
    from zt.jobs import load_pack

    jobs = load_pack(pack).jobs
    gatherer = Gatherer(Ring.open(keys), jobs, Told(state), now_microseconds)
    with _outlet(db, config, name, report, token_file, ca_file) as outlet:
        teller = _Teller(gatherer, outlet)
        if follow:
            _follow(store, gatherer, teller, seconds)
        else:
            _once(store, gatherer, teller)


class _Teller:
    """Tells the collector what was gathered, and people what hinders.

    Attributes:
        sightings: that the collector has taken.
    """

    def __init__(self, gatherer: Gatherer, outlet: Outlet) -> None:
        from zt.shipping.trouble import Trouble

        self.sightings = 0
        self._gatherer = gatherer
        self._outlet = outlet
        self._trouble = Trouble(note, "the collector takes sightings again")

    def tell(self, gathered: Gathered) -> bool:
        """Tell it; whether all was well. What is not taken comes again with the next look.

        Raises:
            NotTakenError: the collector did not take it.
        """
        from zt.cli.jobs import note_added

        refused = 0
        taken = 0
        for batch in gathered.batches:
            refused += self._outlet.take(batch)
            taken += len(batch.sightings)
        self._gatherer.confirm()
        self._trouble.is_over()
        self.sightings += taken - refused
        if refused:
            note(f"the collector refused {refused} sightings")
        for reason, number in gathered.refused.items():
            note(f"refused {number} findings: {reason}")
        for reason, number in gathered.refused_events.items():
            note(f"refused {number} times: {reason}")
        note_added(gathered.added)
        return not (refused or gathered.refused or gathered.refused_events)

    def tell_patiently(self, gathered: Gathered) -> bool:
        """The same, but what hinders is said once and no end."""
        from zt.honeynet.honeypot.tell.posting import NotTakenError

        try:
            return self.tell(gathered)
        except NotTakenError as error:
            self._trouble.tell(str(error), f"{error}\n  {error.hint}")
            return True


def _once(store: str, gatherer: Gatherer, teller: _Teller) -> None:
    from analytics.store import PATIENCE, open_store
    from zt.honeynet.honeypot.tell.posting import NotTakenError

    is_all_well = has_more = True
    while has_more:
        with open_store(store, wait=PATIENCE) as opened:
            gathered = gatherer.look(opened)
        has_more = gathered.waiting > 0
        try:
            is_all_well = teller.tell(gathered) and is_all_well
        except NotTakenError as error:
            fail(str(error), error.hint)
    note(f"told the collector {teller.sightings} sightings")
    if not is_all_well:
        raise typer.Exit(1)


def _follow(store: str, gatherer: Gatherer, teller: _Teller, seconds: float) -> None:
    from zt.jobs import Turns

    try:
        follow_turns(Turns(store, gatherer, seconds, note), teller.tell_patiently)
    finally:
        note(f"told the collector {teller.sightings} sightings")


@contextmanager
def _outlet(
    db: Path | None,
    config: Path | None,
    name: str,
    report: str | None,
    token_file: Path | None,
    ca_file: Path | None,
) -> Iterator[Outlet]:
    if db is not None:
        with open_book(db, config) as book:
            from zt.honeynet.outlets import BookOutlet

            yield BookOutlet(book, name, now_microseconds)
        return
    from zt.honeynet.honeypot.tell.posting import Mailbox
    from zt.honeynet.honeypot.tell.report_settings import ReportSettings
    from zt.honeynet.outlets import PostOutlet

    mailbox = Mailbox(ReportSettings(url=report or "", token_file=token_file, ca_file=ca_file))
    try:
        yield PostOutlet(mailbox)
    finally:
        mailbox.close()
