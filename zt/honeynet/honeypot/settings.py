"""What a honeypot can be told, in a YAML file: each section is a part's own settings.

    name: fra-1                       # who reports; the host's name without it
    region: eu-central
    listen: ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "udp:[::]:5060"]
    tls: {certificate: fullchain.pem, key: privkey.pem}   # where it listens for tls
    personality: asterisk             # a preset, or a YAML file
    secret_file: secret               # the honeynet's own; `openssl rand -hex 32` makes one
    lure: {extensions: "100-120, 200", guessable: {"103": "103"}}
    limits: {connections: 512}        # of strangers
    report: {url: "https://collector.example", token_file: token}
    geoip: /var/lib/GeoIP/GeoLite2-City.mmdb
    throttle: {rates: {second: 5}}    # these, and what follows, as for the probe
    sampler: {limit: 5000}
    timers: {challenge: 10}
    memory: {transactions: 8192}
    counters_every: 60
    shipping: {spool_bytes: 1073741824}

What stands in none of them has its default; what is no setting is an error that names the line.
Relative paths begin at the file's folder. Secrets stand in private files of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from keys.files import read_private
from zt.configuration import read_yaml
from zt.errors import InputError, ZtError
from zt.honeynet.honeypot.listen.endpoints import Endpoint, parse_endpoint
from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.lure.luring import LureSettings
from zt.honeynet.honeypot.lure.personality import PERSONALITIES, Personality
from zt.honeynet.honeypot.tell.report_settings import ReportSettings
from zt.shipping.settings import ShippingSettings
from zt.sip.settings import Numbers, Section
from zt.sip.stats import Limits
from zt.sip.throttle import Rates, SamplerSettings, ThrottleSettings
from zt.sip.timers import Timers

DEFAULT_PERSONALITY: Final = "asterisk"

TIMERS: Final = Timers(challenge=10)
"""A scanner that does not answer its challenge at once never will."""

MEMORY: Final = Limits(
    transactions=8_192,
    challenges=8_192,
    request_bytes=16 << 20,
    calls=8_192,
    registrations=8_192,
    nonces=32_768,
    proofs=32_768,
    keep_alives=8_192,
)
"""A honeypot is a small machine, and has no honest calls that last for hours."""

THROTTLE: Final = ThrottleSettings(rates=Rates(5, 60, 600))
"""Guesses that follow each other are alike; the sightings count each of them anyway."""

_MIN_SECRET: Final = 16  # bytes
_Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]{1,64}\z")]
_Region = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,64}\z")]
T = TypeVar("T")


def _filled(defaults: Any) -> BeforeValidator:
    """Has what a section does not name be a honeypot's default, not the probe's."""

    def fill(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {field.name: getattr(defaults, field.name) for field in fields(defaults)} | value

    return BeforeValidator(fill)


def _endpoint(value: Any) -> Endpoint:
    return _as_value_error(parse_endpoint, str(value))


def _as_value_error(make: Callable[[str], T], text: str) -> T:
    try:
        return make(text)
    except ZtError as error:
        raise ValueError(f"{error}; {error.hint}") from None


class TlsSettings(BaseModel):
    """Files in PEM: the certificate with its chain, and its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: Path
    key: Path


class HoneypotSettings(BaseModel):
    """The settings of a honeypot; frozen, and compared section by section when read again.

    Attributes:
        name: of the honeypot, in `agent.name` and `observer.name`.
        region: where it stands, in `observer.geo.name`.
        listen: where.
        tls: certificate and key for endpoints of TLS.
        personality: which PBX it looks like.
        secret_file: a private file, from whose first line nonces, tags and the salt of tried
            credentials are derived. Without one it is made up anew at each start: then the same
            credentials have another hash after each, and at each honeypot.
        lure: which extensions seem to exist, and how calls fare.
        limits: what strangers may take.
        report: to which collector.
        geoip: a MaxMind file, for `geoip` in events.
        timers, memory, throttle, sampler, counters_every: of the probe that makes the events.
        shipping: when batches are cut, and how much may wait.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Name = Field(default_factory=socket.gethostname)
    region: _Region = ""
    listen: Annotated[
        tuple[Annotated[Endpoint, BeforeValidator(_endpoint)], ...],
        Field(min_length=1, max_length=64),
    ]
    tls: TlsSettings | None = None
    personality: str = DEFAULT_PERSONALITY
    secret_file: Path | None = None
    lure: Annotated[LureSettings, Section] = Field(default_factory=LureSettings)
    limits: Annotated[ListenLimits, Section, Numbers] = Field(default_factory=ListenLimits)
    report: Annotated[ReportSettings, Section] = Field(default_factory=ReportSettings)
    geoip: Path | None = None
    timers: Annotated[Timers, Section, Numbers, _filled(TIMERS)] = TIMERS
    memory: Annotated[Limits, Section, Numbers, _filled(MEMORY)] = MEMORY
    throttle: Annotated[ThrottleSettings, Section, Numbers, _filled(THROTTLE)] = Field(
        default_factory=lambda: THROTTLE
    )
    sampler: Annotated[SamplerSettings, Section, Numbers] = Field(default_factory=SamplerSettings)
    counters_every: Annotated[int, Field(ge=0, le=3_600)] = 60
    shipping: Annotated[ShippingSettings, Section, Numbers] = Field(
        default_factory=ShippingSettings
    )


class Secrets(NamedTuple):
    """What only this honeypot, or this honeynet, knows.

    Attributes:
        lure: of this honeypot alone: with it nonces and tags can be made.
        salt: the same at all honeypots that share a secret, so that hashes of credentials that
            were tried at several can be compared.
    """

    lure: bytes
    salt: bytes

    def __repr__(self) -> str:
        return "Secrets(...)"


def load_honeypot(path: Path) -> HoneypotSettings:
    """Settings from a file.

    Raises:
        InputError: it can't be read, or is wrong; names the line.
    """
    settings = read_yaml(path, HoneypotSettings)
    folder = path.parent
    found: dict[str, Any] = {"report": settings.report.below(folder)}
    for name in ("secret_file", "geoip"):
        if (file := getattr(settings, name)) is not None:
            found[name] = folder / file
    if settings.tls is not None:
        found["tls"] = TlsSettings(
            certificate=folder / settings.tls.certificate, key=folder / settings.tls.key
        )
    if settings.personality not in PERSONALITIES.names():
        found["personality"] = str(folder / settings.personality)
    return settings.model_copy(update=found)


def load_personality(settings: HoneypotSettings) -> Personality:
    """The personality of the settings.

    Raises:
        InputError: there is none of that name, or it is wrong; names the line.
    """
    return PERSONALITIES.load(settings.personality)


def load_secrets(settings: HoneypotSettings) -> Secrets:
    """The secrets, derived from those of the file, or made up.

    Raises:
        RingError: the file is missing, or others can read it.
        InputError: it holds too little.
    """
    path = settings.secret_file
    if path is None:
        return Secrets(os.urandom(32), os.urandom(32))
    line = read_private(path, "secret file").split(b"\n", 1)[0].strip()
    if len(line) < _MIN_SECRET:
        raise InputError(
            f"the first line of {path} has less than {_MIN_SECRET} characters",
            f"make a secret with: openssl rand -hex 32 > {path}",
        )
    return Secrets(
        _derived(line, "lure", settings.name),
        _derived(line, "credentials", ""),
    )


def load_tls(settings: HoneypotSettings) -> ssl.SSLContext | None:
    """What endpoints of TLS show to everybody; None without certificate.

    Raises:
        InputError: certificate or key can't be used.
    """
    if settings.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    renew_tls(context, settings.tls)
    return context


def renew_tls(context: ssl.SSLContext, files: TlsSettings) -> None:
    """Has new connections see the certificate that stands in the files now.

    Raises:
        InputError: certificate or key can't be used; the one before stays.
    """
    try:
        # A context that fails half-way would be left with a certificate and another's key.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            files.certificate, files.key, password=_no_password
        )
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ValueError) as error:
        reason = "they are no pair in PEM"
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            reason = (error.strerror or "can't be read").lower()
        raise InputError(
            f"can't use {files.certificate} with {files.key}: {reason}",
            "give a certificate, and its key without a passphrase",
        ) from None


def _no_password() -> str:
    raise ValueError("the key has a passphrase")  # instead of asking for it on a terminal


def _derived(secret: bytes, purpose: str, name: str) -> bytes:
    """HMAC-SHA-256 under the secret, of what it is for; a name has no NUL."""
    label = f"zt-honeypot/v1\0{purpose}\0{name}"
    return hmac.digest(secret, label.encode(), hashlib.sha256)
