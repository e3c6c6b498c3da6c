"""`zt-keys reader`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.runtime import (
    JsonOption,
    NewPassphraseOption,
    PassphraseOption,
    RingOption,
    fail,
    note,
    use_passphrase_file,
    write_json,
)

if TYPE_CHECKING:
    from keys import Ring
    from zt.profile import Profile

NO_STORE = (
    "it opens the fields that other profiles give these keyspaces, too: -s STORE looks at all that "
    "is stored"
)
SEAL_WARNING = (
    "it verifies events, and can therefore also make events that verify: give it only to who may"
)
NO_SEAL = (
    "it can't verify events: zt top and zt findings work with it, zt search and zt decrypt need "
    "--grant-seal, zt policy --grant-event too"
)
EVENT_WARNING = (
    "it opens what events hide, the original spelling of every other field, and lines that zt "
    "encrypt refused"
)


def reader(
    keys: RingOption,
    output: Annotated[Path, typer.Option("-o", "--output", help="The reader ring to make.")],
    keyspaces: Annotated[
        str, typer.Option("--keyspaces", help="What it opens: keyspaces, separated by commas.")
    ] = "",
    keyspace: Annotated[
        list[str] | None,
        typer.Option("--keyspace", help="One more, as it is, commas and all; any number of times."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "-s", "--store", envvar="ZT_STORE", help="Store: the profiles of all its events."
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "-p",
            "--profile",
            envvar="ZT_PROFILE",
            help="Preset or YAML file, beside those of the store; sip-balanced without either.",
        ),
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            help="Of the reader ring, as zt-keys init takes it; file:OUTPUT.key without it, or "
            "passphrase: with --new-passphrase-file.",
        ),
    ] = None,
    grant_seal: Annotated[
        bool,
        typer.Option("--grant-seal", help="It verifies events, and could forge them too."),
    ] = False,
    grant_event: Annotated[
        bool, typer.Option("--grant-event", help="It opens what events hide, all of it.")
    ] = False,
    passphrase_file: PassphraseOption = None,
    new_passphrase_file: NewPassphraseOption = None,
    json: JsonOption = False,
) -> None:
    """Make a ring that opens only the named keyspaces, and say which fields that are.

    A keyspace opens its fields in whatever profile: with -s all stored ones are looked at.
    The ring encrypts nothing. Make it anew after a rotation: it does not hold later epochs.
    """
    from keys import Ring, make_reader_ring

    use_passphrase_file(passphrase_file)
    ring = Ring.open(keys)
    named = {name.strip() for name in keyspaces.split(",") if name.strip()}
    wanted = sorted(named.union(keyspace or ()))
    if not wanted:
        fail("no keyspace is named", "name some: --keyspaces address,sip.user")
    fields = _fields(_profiles(ring, profile, store), wanted)
    if provider is None:
        provider = "passphrase:" if new_passphrase_file else f"file:{output.name}.key"
    _switch_passphrase(ring, provider, new_passphrase_file)
    made = make_reader_ring(
        ring,
        output,
        provider,
        wanted,
        seal=grant_seal,
        event=grant_event,
    )
    if json:
        write_json(
            {
                "tenant": made.tenant,
                "generation": made.generation,
                "keyspaces": made.granted,
                "fields": fields,
            }
        )
        return
    note(f"made the reader ring {output} of tenant {made.tenant}; it opens these fields:")
    for name, paths in fields.items():
        note(f"  {name}: {', '.join(paths)}")
    if store is None:
        note(NO_STORE)
    note(SEAL_WARNING if grant_seal else NO_SEAL)
    if grant_event:
        note(EVENT_WARNING)


def _switch_passphrase(ring: Ring, provider: str, new: Path | None) -> None:
    """From the ring's passphrase to the reader ring's, which must not be the same one."""
    is_asked = new is not None or not os.environ.get("ZT_PASSPHRASE_FILE")
    if not is_asked and all(uri.startswith("passphrase:") for uri in (ring.provider, provider)):
        fail(
            "the reader ring would have the passphrase of the full ring",
            "give it one of its own: --new-passphrase-file",
        )
    use_passphrase_file(new)


def _profiles(ring: Ring, profile: str | None, store: str | None) -> list[Profile]:
    """The profiles of a store's events, and the one that is named."""
    from analytics.store import PATIENCE, open_store
    from zt.profile import load_profile
    from zt.query import Session

    profiles = [] if store and not profile else [load_profile(profile or "sip-balanced")]
    if store:
        with open_store(store, wait=PATIENCE) as opened:
            profiles += [plan.profile for plan in Session(ring, opened).plans]
    return profiles


def _fields(profiles: list[Profile], keyspaces: list[str]) -> dict[str, list[str]]:
    """The fields of each keyspace, in any of the profiles."""
    fields = {}
    for keyspace in keyspaces:
        paths = sorted({path for profile in profiles for path in profile.sharing(keyspace)})
        if not paths:
            known = sorted({name for profile in profiles for name in profile.keyspaces()})
            fail(
                f"no field of the profile has the keyspace {keyspace}",
                f"name one of: {', '.join(known)}\n  by --keyspace if it has a comma in its name",
            )
        fields[keyspace] = paths
    return fields
