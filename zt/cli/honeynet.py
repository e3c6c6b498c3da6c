"""`zt honeynet serve|forget|list`; honeynet_access has `keys` and `honeypots`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.honeynet_access import honeypots_app, keys_app
from zt.cli.honeynet_gather import gather
from zt.cli.honeynet_options import BookOption, ConfigOption, open_book, require_honeynet
from zt.cli.probe_options import endpoint
from zt.cli.runtime import command, fail, note, now_microseconds, write_lines

if TYPE_CHECKING:
    from zt.honeynet.collector.book.model import Family

app = typer.Typer(
    help="The honeynet's collector: takes what honeypots report, and shares the addresses.",
    no_args_is_help=True,
)
app.add_typer(keys_app, name="keys")
app.add_typer(honeypots_app, name="honeypots")
command(app)(gather)


@command(app)
def serve(
    db: BookOption,
    config: ConfigOption = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            "--listen", metavar="ADDR:PORT", help="Where; may be repeated. [127.0.0.1:8464]"
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", help="PEM file with the chain, for TLS.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", help="PEM file with the certificate's key.")
    ] = None,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-proxy", metavar="NETWORK", help="Proxies whose X-Forwarded-For counts."
        ),
    ] = None,
    unsafe_plain_http: Annotated[
        bool,
        typer.Option(
            "--unsafe-plain-http", help="Speak HTTP without TLS beyond this machine: keys show."
        ),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="ADDR:PORT", help="Serve figures to Prometheus there."),
    ] = None,
) -> None:
    """Take reports of honeypots and share addresses over HTTP, until SIGTERM or SIGINT.

    Without TLS it listens on loopback only, for a proxy on the same machine, unless the proxy is
    named by --trust-proxy. SIGHUP reads the certificate again. Needs no privilege.
    """
    endpoints = [endpoint(text, "--listen") for text in listen or ["127.0.0.1:8464"]]
    page = endpoint(metrics, "--metrics") if metrics is not None else None
    if (tls_certificate is None) != (tls_key is None):
        raise typer.BadParameter(
            "TLS needs both --tls-certificate and --tls-key", param_hint="--tls-key"
        )
    require_honeynet()
    from zt.honeynet.collector.book.book import Book
    from zt.honeynet.collector.settings import load_settings
    from zt.honeynet.collector.web.serving import Places, Serving
    from zt.honeynet.collector.web.sources import parse_networks

    settings = load_settings(config)
    proxies = (*settings.trusted_proxies, *parse_networks(trust_proxy or ()))
    settings = settings.model_copy(update={"trusted_proxies": proxies})
    if tls_certificate is None and not proxies and not unsafe_plain_http:
        _require_loopback(endpoints)
    elif tls_certificate is None and unsafe_plain_http:
        note("unsafe: keys and tokens travel without TLS")
    with Book.open(db, settings.for_book(), serving=True) as book:
        Serving(book, settings, Places(endpoints, tls_certificate, tls_key, page), note).run()


@command(app)
def forget(
    db: BookOption,
    address: Annotated[str, typer.Argument(metavar="IP", help="The address.")],
    config: ConfigOption = None,
) -> None:
    """Take an address off the list on request, and keep it off for a while.

    It comes back before only if several witnesses have proven it since. Clients that have it
    already block it until their own time is over. Exit code 1: it was not there.
    """
    from zt.errors import InputError

    with open_book(db, config) as book:
        from zt.honeynet.collector.book.addresses import pack, spell

        packed = pack(address)
        if packed is None:
            raise InputError(f"{address!r} is no address", "give one, as 192.0.2.1 or 2001:db8::1")
        found = book.forget(spell(packed), now_microseconds())
    if not found:
        fail(f"{spell(packed)} is not on the list", "from now on it is kept off it all the same")
    note(f"forgot {spell(packed)}")


@command(app, "list")
def list_addresses(
    db: BookOption,
    format: Annotated[str, typer.Option("--format", help="txt, csv, json, ipset or nft.")] = "txt",
    ipv6: Annotated[bool, typer.Option("--ipv6", help="The IPv6 addresses.")] = False,
    config: ConfigOption = None,
) -> None:
    """Print all addresses that are shared now, the one that was confirmed first first."""
    with open_book(db, config) as book:
        from zt.honeynet.collector.web.formats import FORMATS, all_bans, render

        if format not in FORMATS:
            raise typer.BadParameter(f"give one of {', '.join(FORMATS)}", param_hint="--format")
        family: Family = 6 if ipv6 else 4
        write_lines([render(format, family, all_bans(book, family))])


def _require_loopback(endpoints: list[tuple[str, int]]) -> None:
    """Refuse to let keys travel in clear."""
    from ipaddress import ip_address

    from zt.errors import InputError

    for host, _ in endpoints:
        if not ip_address(host).is_loopback:
            raise InputError(
                f"without TLS keys and tokens would travel in clear to {host}",
                "give --tls-certificate and --tls-key, or listen on 127.0.0.1 behind a proxy",
            )
