"""Where sightings go, and whose never do."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from keys.files import read_private
from zt.errors import InputError
from zt.sip.throttle.settings import networks

_MAX_TOKEN = 4_096  # characters


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Where sightings go.

    Attributes:
        url: of the collector, as `https://collector.example`; empty: nothing is reported.
        token_file: a private file, whose first line is the token that `zt honeynet honeypots add`
            gave this honeypot.
        ca_file: certificates of the authorities to trust instead of the system's.
        never_report: addresses and networks, as of the operator's own monitoring.
        unsafe_http: allow a URL without TLS that is not on loopback: whoever is on the way reads
            the token, and can have addresses of his choice banned.

    Raises:
        InputError: the URL is none, or has no TLS; there is no token; a network is none.
    """

    url: str = ""
    token_file: Path | None = None
    ca_file: Path | None = None
    never_report: tuple[str, ...] = ()
    unsafe_http: bool = False

    def __post_init__(self) -> None:
        networks(self.never_report)
        if not self.url:
            return
        parts = _parts(self.url)
        if parts is None:
            raise InputError(
                "url is no address of a collector", "write it as https://collector.example:8443"
            )
        if parts.scheme == "http" and not _is_loopback(parts) and not self.unsafe_http:
            raise InputError(
                "url has no TLS: the token and the sightings could be read and altered",
                "use https://, or say unsafe_http: true where the network is yours alone",
            )
        if self.token_file is None:
            raise InputError(
                "the collector asks for a token",
                "put what zt honeynet honeypots add gave into a private file: token_file: PATH",
            )

    def below(self, folder: Path) -> ReportSettings:
        """The same, with relative paths that begin at a folder."""
        token, authorities = (
            folder / path if path is not None else None for path in (self.token_file, self.ca_file)
        )
        return ReportSettings(self.url, token, authorities, self.never_report, self.unsafe_http)


def read_token(settings: ReportSettings) -> str:
    """The token: the first line of its private file.

    Raises:
        RingError: the file is missing, or others can read it.
        InputError: the line is empty, or no token.
    """
    path = settings.token_file
    line = b"" if path is None else read_private(path, "token file").split(b"\n", 1)[0].strip()
    if not line or len(line) > _MAX_TOKEN or not all(0x21 <= byte < 0x7F for byte in line):
        raise InputError(
            f"the first line of {path} is no token",
            "put there what zt honeynet honeypots add printed",
        )
    return line.decode()


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL of the kind wanted: scheme, host, perhaps a port and a path."""
    try:
        parts = urlsplit(url)
        has_more = bool(parts.query or parts.fragment) or "@" in parts.netloc or parts.port == 0
    except ValueError:
        return None
    fits = parts.scheme in ("https", "http") and parts.hostname and url.isprintable()
    return parts if fits and not has_more and " " not in url else None


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
