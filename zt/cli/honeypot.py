"""`zt honeypot`: a SIP server that attackers fall for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zt.cli.probe_options import (
    LiveKeysOption,
    LiveStoreOption,
    MetricsOption,
    NoThrottleOption,
    PlainOption,
    SpoolOption,
    StatisticsOption,
    endpoint,
)
from zt.cli.runtime import (
    JsonOption,
    PassphraseOption,
    collect_seldom,
    command,
    note,
    use_passphrase_file,
    write_json,
    write_lines,
)

app = typer.Typer(help="A SIP server for attackers.", no_args_is_help=True)

ConfigOption = Annotated[
    Path, typer.Option("-c", "--config", help="Settings of the honeypot: a YAML file.")
]
HoneynetProfileOption = Annotated[
    str, typer.Option("-p", "--profile", envvar="ZT_PROFILE", help="Preset or YAML file.")
]


@app.callback()
def honeypot_group() -> None:
    """A SIP server for attackers."""


@command(app)
def run(
    config: ConfigOption,
    keys: LiveKeysOption = None,
    profile: HoneynetProfileOption = "honeynet",
    store: LiveStoreOption = None,
    spool: SpoolOption = None,
    plain: PlainOption = False,
    no_throttle: NoThrottleOption = False,
    metrics: MetricsOption = None,
    statistics: StatisticsOption = "1m",
    passphrase_file: PassphraseOption = None,
) -> None:
    """Look like a PBX and record who attacks it, until SIGTERM or SIGINT.

    Needs CAP_NET_BIND_SERVICE for ports below 1024, and no other privilege. Places no call and
    relays nothing. Without -k events are printed, one JSON object a line; with it they are
    encrypted in this process, and go into the store by a spool on the disk. Who attacked is
    reported to the collector of the settings at once. SIGHUP reads ring, profile, settings, token
    and certificate again.
    """
    from zt.cli.daemon import destination_of, statistics_seconds

    destination = destination_of(keys, profile, store, spool, plain=plain)
    use_passphrase_file(passphrase_file)
    collect_seldom()
    page = endpoint(metrics, "--metrics") if metrics is not None else None
    every = statistics_seconds(statistics)
    from zt.cli.honeypot_daemon import HoneypotDaemon

    HoneypotDaemon(
        config, destination=destination, throttled=not no_throttle, metrics=page, every=every
    ).run()


@command(app)
def check(config: ConfigOption) -> None:
    """Say whether a file of settings is right, with all files that it names; listens nowhere."""
    from zt.honeynet.honeypot.run import Station
    from zt.honeynet.honeypot.settings import load_honeypot

    settings = load_honeypot(config)
    Station(settings, lambda events: None, note)
    where = ", ".join(map(str, settings.listen))
    note(f"{settings.name} would look like {settings.personality} on {where}")


@command(app)
def personalities(json: JsonOption = False) -> None:
    """List the PBXs that a honeypot can look like."""
    from zt.honeynet.honeypot.lure.personality import PERSONALITIES

    found = {name: PERSONALITIES.load(name).title for name in PERSONALITIES.names()}
    if json:
        write_json(found)
        return
    width = max(map(len, found), default=0)
    write_lines(f"{name:{width}}  {title}\n".encode() for name, title in found.items())
