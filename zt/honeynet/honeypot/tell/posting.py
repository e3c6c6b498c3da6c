"""One batch of sightings over HTTP, once: what the collector says to it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from zt.errors import InputError
from zt.honeynet.honeypot.tell.report_settings import ReportSettings, read_token

if TYPE_CHECKING:
    import httpx

PATH: Final = "/honeynet/v1/sightings"
LONGEST_PAUSE: Final = 30.0
"""Seconds; no answer makes the honeypot wait for longer."""

_TIMEOUT: Final = 10.0  # seconds; to connect, and for each piece that is sent or read
_MAX_ANSWER: Final = 65_536  # bytes of an answer that are read, so that the connection can stay
_TAKEN: Final = 200
_NEVER_TAKEN: Final = frozenset({400, 413, 422})
_UNKNOWN: Final = frozenset({401, 403})


class NotTakenError(Exception):
    """A batch was not acknowledged, but may be later.

    Attributes:
        hint: what to do next.
        after: seconds to wait at least.
    """

    def __init__(self, what: str, hint: str, after: float = 0.0) -> None:
        super().__init__(what)
        self.hint = hint
        self.after = after


class Mailbox:
    """The collector's, to which this honeypot's sightings go.

    TLS is verified, redirects are not followed, and the environment's proxies are not used: the
    token goes to the collector that the settings name, or nowhere.

    Args:
        settings: with a URL.

    Raises:
        InputError: the authorities' file or the token can't be used, or packages are missing.
        RingError: the token's file is missing, or others can read it.
    """

    def __init__(self, settings: ReportSettings) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/") + PATH
        self._token = read_token(settings)
        self._client = _client(settings)

    def reload(self) -> None:
        """Read the token again; one that can't be used changes nothing.

        Raises:
            InputError, RingError: as at the start.
        """
        self._token = read_token(self._settings)

    def post(self, body: bytes) -> int:
        """Send a batch.

        Returns:
            0 if it is on the collector's disk; the status by which it refused it for good.

        Raises:
            NotTakenError: neither.
        """
        import httpx

        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                status, after = answer.status_code, answer.headers.get("Retry-After", "")
                _read(answer)
        except (httpx.HTTPError, OSError) as error:
            raise NotTakenError(
                f"the collector can't be reached: {_reason(error)}", "sightings wait, trying again"
            ) from None
        if status == _TAKEN:
            return 0
        if status in _NEVER_TAKEN:
            return status
        if status in _UNKNOWN:
            raise NotTakenError(
                "the collector does not know this honeypot's token",
                "put the right one into the token's file, then send SIGHUP",
            )
        raise NotTakenError(
            f"the collector answered {status}", "sightings wait, trying again", _seconds(after)
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def _client(settings: ReportSettings) -> httpx.Client:
    try:
        import httpx
    except ModuleNotFoundError:
        raise InputError(
            "reporting to a collector needs the package httpx",
            "install it: pip install 'zt-analytics[honeynet]'",
        ) from None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # SSLError is one
        reason = "it holds none" if isinstance(error, ssl.SSLError) else (error.strerror or "")
        raise InputError(
            f"can't read the certificates in {settings.ca_file}: {reason.lower()}", "check ca_file"
        ) from None
    return httpx.Client(verify=context, follow_redirects=False, timeout=_TIMEOUT, trust_env=False)


def _read(answer: httpx.Response) -> None:
    """Read what comes, so that the connection can be used again; not more than makes sense."""
    read = 0
    for block in answer.iter_raw():
        read += len(block)
        if read > _MAX_ANSWER:
            return


def _seconds(text: str) -> float:
    """`Retry-After` in seconds (RFC 9110 section 10.2.3); a date or nonsense asks for nothing."""
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return min(float(text), LONGEST_PAUSE) if is_number else 0.0


def _reason(error: BaseException) -> str:
    """What hinders, without anything that a library may quote."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not valid: {cause.verify_message.lower()}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
