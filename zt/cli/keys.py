"""`zt-keys init|list|check|rotate|destroy|passwd|recover`; with `reader` and `rewrap`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.check import check
from zt.cli.reader import reader
from zt.cli.rewrap import rewrap
from zt.cli.runtime import (
    JsonOption,
    NewPassphraseOption,
    PassphraseOption,
    RingOption,
    command,
    fail,
    note,
    use_passphrase_file,
    write_json,
)

if TYPE_CHECKING:
    from datetime import datetime

    from keys import Ring

app = typer.Typer(
    name="zt-keys",
    help="Key rings: a tenant's epochs of keys.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The console script `zt-keys`."""
    app()


@command(app)
def init(
    keys: RingOption,
    tenant: Annotated[str, typer.Option("--tenant", help="Name of the tenant.")],
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            help="file:PATH, env:NAME, command:PROGRAM or passphrase:; file:RING.key without it.",
        ),
    ] = None,
    passphrase_file: PassphraseOption = None,
    json: JsonOption = False,
) -> None:
    """Make a key ring with one active epoch, and its key file if there is none."""
    from keys import init_ring

    use_passphrase_file(passphrase_file)
    ring = init_ring(keys, tenant, provider or f"file:{keys.name}.key")
    if json:
        kid, state = ring.epochs[0].kid, ring.epochs[0].state
        write_json({"kid": kid, "state": state, "generation": ring.generation})
        return
    note(
        f"made the key ring {keys} of tenant {tenant}, epoch {ring.epochs[0].kid}, "
        f"provider {ring.provider.partition(',')[0]}\n"
        "  back up the ring and what its provider needs, in two different places: without them no "
        "event can be opened"
    )


@command(app, "list")
def list_epochs(keys: RingOption, json: JsonOption = False) -> None:
    """List the epochs of a ring."""
    from keys import Ring

    ring = Ring.open(keys)
    epochs = [
        {
            "kid": epoch.kid,
            "state": epoch.state,
            "created": _moment(epoch.created),
            "activates": _moment(epoch.activates) if epoch.activates else None,
        }
        for epoch in ring.epochs
    ]
    if json:
        facts = {"tenant": ring.tenant, "generation": ring.generation, "epochs": epochs}
        write_json(facts if ring.granted is None else {**facts, "keyspaces": ring.granted})
        return
    if ring.granted is not None:
        note(f"a reader ring; it opens the keyspaces {', '.join(ring.granted)}")
    from rich.console import Console

    from zt.cli.tables import plain_table

    table = plain_table("epoch", "state", "created", "activates")
    for epoch in epochs:
        table.add_row(*(text or "" for text in epoch.values()))
    Console().print(table)


command(app)(check)


@command(app)
def rotate(
    keys: RingOption,
    at: Annotated[
        str | None,
        typer.Option("--at", help="When the new epoch takes over, as 2026-12-01T00:00:00Z."),
    ] = None,
    passphrase_file: PassphraseOption = None,
    json: JsonOption = False,
) -> None:
    """Add an epoch that encrypts from now on; older ones decrypt and search on.

    With --at it waits until then: hand the ring out before, and all switch at once.
    """
    from keys import rotate_ring
    from zt.units import parse_datetime

    use_passphrase_file(passphrase_file)
    ring = rotate_ring(keys, parse_datetime(at) if at else None)
    new = ring.epochs[-1]
    if json:
        write_json({"kid": new.kid, "state": new.state, "generation": ring.generation})
        return
    when = f"from {_moment(new.activates)} on" if new.activates else "from now on"
    note(
        f"epoch {new.kid} of the key ring {keys} encrypts {when}\n"
        "  back the ring up, and copy it to every machine that encrypts or asks"
    )


@command(app)
def destroy(
    keys: RingOption,
    kid: Annotated[str, typer.Argument(metavar="KID", help="The epoch, as zt-keys list has it.")],
    store: Annotated[
        str | None,
        typer.Option("-s", "--store", envvar="ZT_STORE", help="Store that must hold none of it."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Lose what is encrypted with it; asks for the kid.")
    ] = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Shred an epoch's keys: nothing opens any more what was encrypted with it.

    Refuses while the store holds events of the epoch. Copies of the ring elsewhere, and backups,
    keep the keys: delete those too.
    """
    from keys import destroy_epoch

    def look(ring: Ring) -> None:
        lost = _events_of(store, ring, kid) if store else None
        if not force:
            if lost is None:
                fail(
                    "no store was given to look into",
                    "give it by -s, or lose what there is: --force",
                )
            if lost:
                fail(
                    f"the store holds {lost} events of epoch {kid}, which nobody could open any "
                    "more",
                    "encrypt them again first: zt-keys rewrap; or lose them: --force",
                )
        elif lost != 0:
            what = "an unknown number of events" if lost is None else f"{lost} events"
            note(f"{what} will be lost; type the kid to go on:")
            if sys.stdin.readline().strip() != kid:
                fail("that is not the kid", "nothing was destroyed")

    use_passphrase_file(passphrase_file)
    ring = destroy_epoch(keys, kid, look)
    note(
        f"epoch {kid} of the key ring {keys} is destroyed, generation {ring.generation}\n"
        "  delete older copies and backups of the ring: they hold its keys still"
    )


@command(app)
def passwd(
    keys: RingOption,
    provider: Annotated[
        str, typer.Option("--provider", help="The new provider, as zt-keys init takes it.")
    ] = "passphrase:",
    passphrase_file: PassphraseOption = None,
    new_passphrase_file: NewPassphraseOption = None,
) -> None:
    """Give a ring another provider, or a new passphrase. The keys of the epochs stay."""
    from keys import change_provider

    use_passphrase_file(passphrase_file)
    ring = change_provider(keys, provider, lambda: use_passphrase_file(new_passphrase_file))
    note(
        f"the key ring {keys} has the provider {ring.provider.partition(',')[0]}\n"
        "  delete older copies and backups of the ring: the old provider opens them still"
    )


@command(app)
def recover(keys: RingOption, passphrase_file: PassphraseOption = None) -> None:
    """Put a ring's backup, which every change leaves beside it, in the place of a damaged ring."""
    from keys import backup_of, recover_ring

    use_passphrase_file(passphrase_file)
    ring = recover_ring(keys)
    note(
        f"the key ring {keys} is that of {backup_of(keys)} again, generation {ring.generation}\n"
        "  it lacks the last change: take a newer copy if there is one"
    )


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _events_of(url: str, ring: Ring, kid: str) -> int:
    """How many events of an epoch a store holds, which must be one that the ring writes to.

    Another tenant's store holds none of it, and would permit anything.
    """
    from analytics.store import PATIENCE, open_store
    from zt.encoder import Decoder
    from zt.query.fitting import check_epochs, take_headers

    with open_store(url, wait=PATIENCE) as store:
        check_epochs(ring, store)
        take_headers(Decoder(ring), ring, store)
        return sum(epoch.events for epoch in store.epochs() if epoch.kid == kid)


command(app)(rewrap)
command(app)(reader)


if __name__ == "__main__":
    main()
