"""`zt-keys init|list|check`."""

from __future__ import annotations

from typing import Annotated

import typer

from zt.cli.runtime import JsonOption, RingOption, command, fail, note, open_input, write_json

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
        typer.Option("--provider", help="Provider of the wrapping key; file:RING.key without it."),
    ] = None,
) -> None:
    """Make a key ring with one active epoch, and its key file if there is none."""
    from keys import init_ring

    uri = provider or f"file:{keys.name}.key"
    ring = init_ring(keys, tenant, uri)
    note(
        f"made the key ring {keys} of tenant {tenant}, epoch {ring.epochs[0].kid}, provider {uri}\n"
        "  back up both files, in two different places: without them no event can be opened"
    )


@command(app, "list")
def list_epochs(keys: RingOption, json: JsonOption = False) -> None:
    """List the epochs of a ring."""
    from keys import Ring

    ring = Ring.open(keys)
    epochs = [
        {"kid": epoch.kid, "state": epoch.state, "created": f"{epoch.created:%Y-%m-%dT%H:%M:%SZ}"}
        for epoch in ring.epochs
    ]
    if json:
        write_json({"tenant": ring.tenant, "generation": ring.generation, "epochs": epochs})
        return
    from rich.console import Console

    from zt.cli.tables import plain_table

    table = plain_table("epoch", "state", "created")
    for epoch in epochs:
        table.add_row(epoch["kid"], epoch["state"], epoch["created"])
    Console().print(table)


@command(app)
def check(
    keys: RingOption,
    wire: Annotated[str | None, typer.Argument(metavar="[WIRE]", help="A wire file.")] = None,
    store: Annotated[
        str | None, typer.Option("-s", "--store", envvar="ZT_STORE", help="A store.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check a ring, and which epochs of a wire file or store it opens.

    Exit code 1: some it does not.
    """
    from keys import Ring, WrongKeyError
    from zt.cli.epochs import epochs_of_store, epochs_of_wire

    ring = Ring.open(keys)
    found: dict[tuple[str, bytes], int] = {}
    if wire is not None:
        with open_input(wire) as file:
            found |= epochs_of_wire(file)
    if store is not None:
        found |= epochs_of_store(store)
    report = []
    for (kid, kcv), events in found.items():
        try:
            ring.epoch(kid, kcv)
            verdict = "opens"
        except WrongKeyError as error:
            verdict = str(error)
        report.append({"kid": kid, "events": events, "verdict": verdict})
    if json:
        write_json({"tenant": ring.tenant, "generation": ring.generation, "epochs": report})
    else:
        note(f"the key ring {keys} is whole: tenant {ring.tenant}, {len(ring.epochs)} epochs")
        for entry in report:
            note(f"epoch {entry['kid']}, {entry['events']} events: {entry['verdict']}")
    if any(entry["verdict"] != "opens" for entry in report):
        fail("the ring does not open everything", "use the ring that encrypted the data")
    if (wire or store) and not report:
        fail("there are no encrypted events", "check the file or store")


if __name__ == "__main__":
    main()
