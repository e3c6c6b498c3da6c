"""`zt probe live` and `zt probe hep`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.probe_options import (
    LiveKeysOption,
    LiveStoreOption,
    MetricsOption,
    NoThrottleOption,
    PlainOption,
    ProfileOption,
    SettingsOption,
    SpoolOption,
    StatisticsOption,
    endpoint,
)
from zt.cli.runtime import PassphraseOption, collect_seldom, note, use_passphrase_file

if TYPE_CHECKING:
    from zt.sip.settings import ProbeSettings
    from zt.sip.source import Source

_EVERY = "1m"


def live(
    interfaces: Annotated[
        list[str], typer.Argument(metavar="IFACE...", help="Interfaces to capture on, or `any`.")
    ],
    config: SettingsOption = None,
    ports: Annotated[
        str | None,
        typer.Option("--ports", metavar="PORTS", help="As 5060-5090,5160; instead of the file's."),
    ] = None,
    all_traffic: Annotated[
        bool, typer.Option("--all-traffic", help="Let the kernel pass everything: no filter.")
    ] = False,
    no_promiscuous: Annotated[
        bool, typer.Option("--no-promiscuous", help="Only what is sent to and from this machine.")
    ] = False,
    keys: LiveKeysOption = None,
    profile: ProfileOption = "sip-balanced",
    store: LiveStoreOption = None,
    spool: SpoolOption = None,
    plain: PlainOption = False,
    no_throttle: NoThrottleOption = False,
    metrics: MetricsOption = None,
    statistics: StatisticsOption = _EVERY,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Capture SIP on network interfaces, until SIGTERM or SIGINT.

    Needs CAP_NET_RAW, and no other privilege. Without -k events are printed, one JSON object a
    line; with it they are encrypted in this process, and go into the store by a spool on the disk
    that bridges outages. SIGHUP reads ring, profile and settings again.
    """

    def capture(settings: ProbeSettings) -> Source:
        from zt.sip.capture import Decoder
        from zt.sip.live import LiveSource
        from zt.sip.settings import parse_ports

        wanted = parse_ports(ports) if ports is not None else settings.ports
        return LiveSource(
            interfaces,
            wanted,
            unfiltered=all_traffic,
            promiscuous=not no_promiscuous,
            decoder=Decoder(settings.capture),
        )

    _run(
        capture,
        f"live {' '.join(interfaces)}",
        config=config,
        keys=keys,
        profile=profile,
        store=store,
        spool=spool,
        plain=plain,
        no_throttle=no_throttle,
        metrics=metrics,
        statistics=statistics,
        passphrase_file=passphrase_file,
    )


def hep(
    listen: Annotated[
        list[str], typer.Argument(metavar="ADDR:PORT...", help="Where agents send HEP to.")
    ],
    config: SettingsOption = None,
    udp_only: Annotated[bool, typer.Option("--udp-only", help="Take no TCP connections.")] = False,
    hep_key_file: Annotated[
        Path | None,
        typer.Option("--hep-key-file", help="Private file with the key that agents must send."),
    ] = None,
    keys: LiveKeysOption = None,
    profile: ProfileOption = "sip-balanced",
    store: LiveStoreOption = None,
    spool: SpoolOption = None,
    plain: PlainOption = False,
    no_throttle: NoThrottleOption = False,
    metrics: MetricsOption = None,
    statistics: StatisticsOption = _EVERY,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Take SIP from HEP agents over UDP and TCP, until SIGTERM or SIGINT.

    Agents are Kamailio, OpenSIPS, Asterisk, FreeSWITCH, captagent and others. Needs no privilege.
    Events go the way that `zt probe live` says.
    """
    endpoints = [endpoint(text, "ADDR:PORT") for text in listen]

    def take(settings: ProbeSettings) -> Source:
        from dataclasses import replace

        from zt.sip.hep import HepSource

        own = settings.hep
        if hep_key_file is not None:
            own = replace(own, key=_read_key(hep_key_file))
        source = HepSource(endpoints, () if udp_only else endpoints, own)
        for host, port in source.udp_endpoints:
            note(f"takes HEP on {host} port {port}")
        return source

    _run(
        take,
        f"hep {' '.join(listen)}",
        config=config,
        keys=keys,
        profile=profile,
        store=store,
        spool=spool,
        plain=plain,
        no_throttle=no_throttle,
        metrics=metrics,
        statistics=statistics,
        passphrase_file=passphrase_file,
    )


def _run(
    make_source: Callable[[ProbeSettings], Source],
    name: str,
    *,
    config: Path | None,
    keys: Path | None,
    profile: str,
    store: str | None,
    spool: Path | None,
    plain: bool,
    no_throttle: bool,
    metrics: str | None,
    statistics: str,
    passphrase_file: Path | None,
) -> None:
    """Check what was asked for, and run the daemon."""
    from zt.cli.daemon import destination_of, statistics_seconds
    from zt.cli.probe_daemon import Daemon

    destination = destination_of(keys, profile, store, spool, plain=plain)
    use_passphrase_file(passphrase_file)
    collect_seldom()
    page = endpoint(metrics, "--metrics") if metrics is not None else None
    Daemon(
        make_source,
        name,
        config=config,
        destination=destination,
        throttled=not no_throttle,
        metrics=page,
        every=statistics_seconds(statistics),
    ).run()


def _read_key(path: Path) -> bytes:
    """The key of HEP agents: a private file's first line."""
    from keys.files import read_private
    from zt.errors import InputError

    key = read_private(path, "HEP key file").split(b"\n", 1)[0].rstrip(b"\r")
    if not key:
        raise InputError(f"{path} begins with an empty line", "put the key into its first line")
    return key
