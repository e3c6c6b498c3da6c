"""`zt honeynet keys` and `zt honeynet honeypots`: who may ask, and who may report."""

from __future__ import annotations

from typing import Annotated

import typer

from zt.cli.honeynet_options import BookOption, moment, open_book, words
from zt.cli.runtime import JsonOption, command, note, now_microseconds, write_json, write_lines

keys_app = typer.Typer(help="Keys of clients that ask for addresses.", no_args_is_help=True)
honeypots_app = typer.Typer(help="Honeypots that may report.", no_args_is_help=True)

_NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")]


@command(keys_app, "add")
def add_key(
    db: BookOption,
    name: _NameArgument,
    rate: Annotated[
        str, typer.Option("--rate", metavar="N/TIME", help="How often it may ask.")
    ] = "11/2m",
    json: JsonOption = False,
) -> None:
    """Make a key, and print it: this once, since only its hash is kept."""
    with open_book(db) as book:
        from zt.honeynet.collector.book.access import Rate

        secret = book.add_key(name, now_microseconds(), Rate.parse(rate))
    _print_secret("key", name, secret, json)


@command(keys_app, "list")
def list_keys(db: BookOption, json: JsonOption = False) -> None:
    """List the keys: not the secrets, which nobody has but the clients."""
    with open_book(db) as book:
        keys = book.keys()
    if json:
        write_json(
            [
                {
                    "name": key.name,
                    "rate": str(key.rate),
                    "created": moment(key.created),
                    "revoked": moment(key.revoked) or None,
                }
                for key in keys
            ]
        )
        return
    from zt.cli.tables import Terminal, plain_table

    table = plain_table("key", "rate", "created", "revoked")
    for key in keys:
        table.add_row(*words(key.name, str(key.rate), moment(key.created), moment(key.revoked)))
    Terminal().print(table)


@command(keys_app, "revoke")
def revoke_key(db: BookOption, name: _NameArgument) -> None:
    """Make a key worthless, from the next request on."""
    with open_book(db) as book:
        book.revoke_key(name, now_microseconds())
    note(f"revoked the key {name}")


@command(honeypots_app, "add")
def add_honeypot(
    db: BookOption,
    name: _NameArgument,
    region: Annotated[str, typer.Option("--region", help="Where it is, as fra or eu-west.")],
    owner: Annotated[
        str,
        typer.Option(
            "--owner", help="Who runs it; those of one owner don't confirm each other. [NAME]"
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Let a honeypot report, and print its token: this once, since only its hash is kept."""
    with open_book(db) as book:
        secret = book.add_honeypot(name, region, now_microseconds(), owner)
    _print_secret("token", name, secret, json)


@command(honeypots_app, "list")
def list_honeypots(db: BookOption, json: JsonOption = False) -> None:
    """List the honeypots, and when each reported last."""
    with open_book(db) as book:
        honeypots = book.honeypots()
    if json:
        write_json(
            [
                {
                    "name": honeypot.name,
                    "region": honeypot.region,
                    "owner": honeypot.owner,
                    "created": moment(honeypot.created),
                    "seen": moment(honeypot.seen) or None,
                    "revoked": moment(honeypot.revoked) or None,
                }
                for honeypot in honeypots
            ]
        )
        return
    from zt.cli.tables import Terminal, plain_table

    table = plain_table("honeypot", "region", "owner", "created", "seen", "revoked")
    for honeypot in honeypots:
        table.add_row(
            *words(
                honeypot.name,
                honeypot.region,
                honeypot.owner,
                moment(honeypot.created),
                moment(honeypot.seen),
                moment(honeypot.revoked),
            )
        )
    Terminal().print(table)


@command(honeypots_app, "revoke")
def revoke_honeypot(
    db: BookOption,
    name: _NameArgument,
    disown: Annotated[
        bool,
        typer.Option("--disown", help="Its token was stolen: remove what nobody else has seen."),
    ] = False,
) -> None:
    """Take no more reports of a honeypot; what it brought stays, unless it is disowned."""
    with open_book(db) as book:
        book.revoke_honeypot(name, now_microseconds())
        removed = book.disown(name) if disown else 0
    note(f"revoked the honeypot {name}")
    if disown:
        note(f"removed {removed} addresses that nobody else had seen")


def _print_secret(what: str, name: str, secret: str, json: bool) -> None:
    if json:
        write_json({"name": name, what: secret})
    else:
        write_lines([f"{secret}\n".encode()])
    note(f"keep the {what} of {name} in a private file: it is shown this once")
