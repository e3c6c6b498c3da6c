"""The options that the commands of `zt probe` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zt.sip.settings import ProbeSettings

SettingsOption = Annotated[
    Path | None, typer.Option("-c", "--config", help="Settings of the probe: a YAML file.")
]
KeysOption = Annotated[
    Path | None, typer.Option("-k", "--keys", help="Key ring: encrypt the events with it.")
]
LiveKeysOption = Annotated[
    Path | None,
    typer.Option(
        "-k", "--keys", envvar="ZT_KEYS", help="Key ring: encrypt the events in this process."
    ),
]
ProfileOption = Annotated[
    str, typer.Option("-p", "--profile", envvar="ZT_PROFILE", help="Preset or YAML file.")
]
StoreOption = Annotated[
    str | None, typer.Option("-s", "--store", help="Store for the encrypted events.")
]
LiveStoreOption = Annotated[
    str | None,
    typer.Option(
        "-s",
        "--store",
        envvar="ZT_STORE",
        help="Store for the encrypted events; without one the wire goes to stdout.",
    ),
]
PlainOption = Annotated[
    bool,
    typer.Option("--plain", help="Print events in clear, whatever ZT_KEYS and ZT_STORE say."),
]
NoThrottleOption = Annotated[
    bool, typer.Option("--no-throttle", help="Print every event, floods as well.")
]
SpoolOption = Annotated[
    Path | None,
    typer.Option(
        "--spool",
        envvar="ZT_SPOOL",
        help="Folder where encrypted events wait; with a store there is one in any case.",
    ),
]
MetricsOption = Annotated[
    str | None,
    typer.Option("--metrics", metavar="ADDR:PORT", help="Serve figures to Prometheus there."),
]
StatisticsOption = Annotated[
    str,
    typer.Option("--statistics", metavar="TIME", help="How often to log figures; 0 for never."),
]


def endpoint(text: str, option: str) -> tuple[str, int]:
    """`ADDR:PORT`, with an IPv6 address in brackets, as address and port.

    Raises:
        typer.BadParameter: it is none.
    """
    from ipaddress import ip_address

    host, colon, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    try:
        address = ip_address(host)
        number = int(port) if port.isascii() and port.isdigit() else -1
        if colon and 0 <= number <= 65_535 and is_bracketed == (address.version == 6):
            return host, number
    except ValueError:
        pass
    raise typer.BadParameter(
        "give an address and a port, such as 127.0.0.1:9060 or [::1]:9060", param_hint=option
    )


def agent_name(settings: ProbeSettings) -> str:
    """Who reports: what the settings say, else the host's name."""
    import socket

    return settings.agent or socket.gethostname()
