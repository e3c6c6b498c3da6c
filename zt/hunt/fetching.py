"""Lists from where they are: a file, a web server, a server that speaks APIBAN's interface.

    PATH, -                      a file, stdin
    https://HOST/PATH            one document
    apiban+https://HOST[/api]    all that the server has, page by page, IPv4 and IPv6

A server learns that somebody here reads its list, and nothing else. Its certificate is verified,
redirects are not followed (they could lead to an inner server), and what it sends is bounded in
bytes and in time. A key travels in a header, over TLS or on this machine only, and stands in no
message: neither do the paths and queries of addresses, in which other interfaces carry theirs.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from zt.errors import InputError
from zt.hunt.entries import parse_entry
from zt.hunt.listing import Listing
from zt.hunt.reading import MAX_BYTES, Reading, read_listing

if TYPE_CHECKING:
    import httpx

APIBAN: Final = "apiban+"
SETS: Final = ("sip", "sip6")
"""Of APIBAN's interface; a server that does not know the second says that it has nothing there."""

FIRST_ID: Final = "100"

PATIENCE: Final = 15.0
"""Seconds that a server may be silent."""

LONGEST: Final = 120.0
"""Seconds for one document."""

LONGEST_PAGES: Final = 4 * 3600.0
"""Seconds for all pages: servers allow few requests a minute."""

MAX_WAIT: Final = 150.0
"""Seconds to wait at most when a server says that it was asked too fast."""

MAX_PAGE: Final = 1 << 20
"""Bytes of a page of APIBAN's interface."""


class _Page(msgspec.Struct):
    """What APIBAN's interface answers with; an ID of `none` is the end."""

    ipaddress: list[str] | str = []
    id: str = msgspec.field(name="ID", default="")


_decode_page: Final = msgspec.json.Decoder(_Page).decode


class Fetcher:
    """Reads lists.

    Args:
        key: what a server knows the customer by; goes to the servers of all URLs.
        authorities: file of certificates that sign those of servers; None: the system's.
        say: is told when it has to wait.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        key: str | None = None,
        authorities: Path | None = None,
        say: Callable[[str], None] = lambda text: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._key = key
        self._authorities = authorities
        self._say = say
        self._sleep = sleep

    def read(self, place: str, open_file: Callable[[str], bytes]) -> Reading:
        """The list at a place.

        Args:
            place: see the module.
            open_file: gives at most `MAX_BYTES` and one more of a file that is no URL.

        Raises:
            InputError: it can't be had, or is none.
            OSError: the file can't be read.
        """
        if not is_url(place):
            content = open_file(place)
            if len(content) > MAX_BYTES:
                raise _too_large(place)
            return read_listing("stdin" if place == "-" else Path(place).name, content)
        url = _checked(place, has_key=self._key is not None)
        name = shown(place)
        if url.scheme.startswith(APIBAN):
            return self._read_pages(url, name)
        with self._client(name) as client:
            status, content, _ = _ask(client, "GET", url.geturl(), name, MAX_BYTES, LONGEST)
        if status != 200:
            raise _refused(name, status)
        return read_listing(name, content)

    def _read_pages(self, url: SplitResult, name: str) -> Reading:
        if self._key is None:
            raise InputError(f"{name} wants a key", "give a private file with it: --key-file FILE")
        base = url._replace(scheme=url.scheme.removeprefix(APIBAN), query="", fragment="")
        address = base._replace(path=(base.path.rstrip("/") or "/api") + "/get").geturl()
        reading = Reading(Listing(name))
        until = time.monotonic() + LONGEST_PAGES
        with self._client(name) as client:
            for one in SETS:
                for page in self._pages(client, address, name, one, until):
                    for text in page:
                        reading.take_parsed(parse_entry(text), reading.good + reading.bad + 1)
        if not reading.good:
            raise InputError(f"{name} lists no address", "ask whoever runs it; try again later")
        return reading

    def _pages(
        self, client: httpx.Client, address: str, name: str, one: str, until: float
    ) -> Iterator[list[str]]:
        """The pages of a set; IDs must grow, so that it ends whatever the server says."""
        last = FIRST_ID
        while True:
            body = msgspec.json.encode({"set": one, "id": last})
            status, content, wait = _ask(client, "POST", address, name, MAX_PAGE, LONGEST, body)
            if status == 429:
                seconds = min(max(wait, 1.0), MAX_WAIT)
                if time.monotonic() + seconds > until:
                    raise InputError(f"{name} allows too few requests", "ask for another key")
                self._say(f"{name} asks for patience: going on in {seconds:.0f} s")
                self._sleep(seconds)
                continue
            page = _page(name, status, content)
            if page.id == "none":
                return
            if status != 200:
                raise _refused(name, status)
            if not (_is_id(page.id) and int(page.id) > int(last)):
                raise InputError(f"{name} counts its pages in no order", "ask whoever runs it")
            last = page.id
            yield page.ipaddress if isinstance(page.ipaddress, list) else [page.ipaddress]

    @contextmanager
    def _client(self, name: str) -> Iterator[httpx.Client]:
        try:
            import httpx
        except ModuleNotFoundError:
            raise InputError(
                "lists of servers need the package httpx",
                "install it: pip install 'zt-analytics[honeynet]'; or give a file",
            ) from None
        headers = {"Accept-Encoding": "identity"}  # what unpacks to more is not taken
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            trust = ssl.create_default_context(cafile=self._authorities)
        except (OSError, ssl.SSLError):
            raise InputError(
                f"{self._authorities} holds no certificates of authorities", "give a PEM file"
            ) from None
        with httpx.Client(verify=trust, timeout=PATIENCE, headers=headers) as client:
            try:
                yield client
            except httpx.TimeoutException:
                raise InputError(f"{name} does not answer in time", "try again later") from None
            except httpx.InvalidURL:
                raise InputError(f"the address of {name} is none", "check it") from None
            except httpx.ConnectError as error:
                raise InputError(
                    f"can't connect to {name}: {str(error).lower()}", "check name and network"
                ) from None
            except httpx.HTTPError:
                raise InputError(f"{name} broke off its answer", "try again later") from None


def is_url(place: str) -> bool:
    """Whether a list is to be fetched from a server."""
    return "://" in place


def shown(place: str) -> str:
    """How messages call a list of a server: by its host, and the file's name if it has one.

    Nothing else of the address: it may hold a key.
    """
    try:
        url = urlsplit(place)
        host, port = url.hostname or "", url.port
    except ValueError:
        return "a list"
    file = url.path.rpartition("/")[2]
    name = f"{host}:{port}" if port else host
    return f"{name}/{file}" if "." in file else name


def _checked(place: str, *, has_key: bool) -> SplitResult:
    """The parts of a URL that may be asked.

    Raises:
        InputError: it may not.
    """
    hint = "give a file, https://HOST/PATH or apiban+https://HOST"
    try:
        url = urlsplit(place)
        url.port  # noqa: B018 - raises for what is no port
    except ValueError:
        raise InputError("the address of a list is none", hint) from None
    if url.scheme.removeprefix(APIBAN) not in ("http", "https") or not url.hostname:
        raise InputError(f"can't read a list by {url.scheme}://", hint)
    if url.username is not None:
        raise InputError(
            f"the address of {shown(place)} holds a user's name",
            "put a key into a private file, and name that with --key-file",
        )
    if has_key and url.scheme.endswith("http") and not _is_local(url.hostname):
        raise InputError(
            f"the key would travel to {shown(place)} in the clear", "use https, or give no key"
        )
    return url


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _ask(
    client: httpx.Client,
    method: str,
    url: str,
    name: str,
    most: int,
    seconds: float,
    body: bytes | None = None,
) -> tuple[int, bytes, float]:
    """Status, body, and the seconds that the server asks to wait (30 where it doesn't say)."""
    ends = time.monotonic() + seconds
    content = bytearray()
    headers = {"Content-Type": "application/json"} if body else {}
    with client.stream(method, url, content=body, headers=headers) as answer:
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise InputError(f"{name} packs its answer unasked", "ask whoever runs it")
        for part in answer.iter_raw():  # as it comes, so that a trickle is noticed
            content += part
            if len(content) > most:
                raise _too_large(name)
            if time.monotonic() > ends:
                raise InputError(f"{name} takes too long to send its list", "try again later")
        wait = answer.headers.get("Retry-After", "")
        return answer.status_code, bytes(content), float(wait) if _is_id(wait) else 30.0


def _page(name: str, status: int, content: bytes) -> _Page:
    if status not in (200, 400):
        raise _refused(name, status)
    try:
        return _decode_page(content)
    except (msgspec.MsgspecError, RecursionError):
        raise InputError(
            f"{name} does not speak APIBAN's interface", "check the address, or give its file"
        ) from None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19


def _refused(name: str, status: int) -> InputError:
    if 300 <= status < 400:
        return InputError(
            f"{name} sends elsewhere, which is not followed", "give the address of the list itself"
        )
    if status in (401, 403):
        return InputError(f"{name} does not know the key", "check it, and the file of --key-file")
    return InputError(f"{name} answers with status {status}", "check the address; try again later")


def _too_large(name: str) -> InputError:
    return InputError(
        f"the list {name} is larger than {MAX_BYTES >> 20} MiB", "split it, or give networks"
    )
