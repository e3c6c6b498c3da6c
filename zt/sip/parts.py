"""The parts that nearly every message has: start line, Via, From and To, CSeq, Contact.

Each is read by a function of its text alone. Small caches keep what came of those that repeat:
all messages of a call have the same From, and the same status lines and CSeqs come all the time
(not so a Via: servers add to it). A cache holds few values, and only of short texts, so that no
sender can fill the memory; one who never repeats himself only makes it useless.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

from zt.sip.headers import (
    MAX_TEXT,
    address,
    named_address,
    number,
    parameter,
    pattern_of,
    split_list,
    without_password,
)

TOKEN = r"[A-Za-z0-9.!%*_+`'~-]"  # RFC 3261 section 25.1

_CACHED = 8_192  # values in one cache: with fewer, a few thousand phones drive each other out
_CACHED_TEXT = 256  # characters of one value at most; all caches together stay below 96 MB

_VERSION = "SIP/2.0"
_STATUS_LINE = re.compile(r"SIP/2\.0[ \t]++([0-9]{3})(?:[ \t]([^\n]*))?", re.IGNORECASE)
_METHOD = re.compile(rf"{TOKEN}{{1,32}}")
_OTHER_VERSION = re.compile(r"[A-Za-z]++/[0-9.]++")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+:.")
_COOKIE = "z9hG4bK"
_USUAL_BRANCH = f";branch={_COOKIE}"  # as the first parameter, of one hop
_MAGIC_COOKIE = _COOKIE.lower()  # tokens compare without case (RFC 3261 section 7.3.1)

_BRANCH = pattern_of("branch")
# One pass over what nearly all senders write: `"Name" <scheme:user@host...>;tag=x`, where no colon
# comes before the @, so that there is no password to leave out.
_USUAL_PARTY = re.compile(
    r'(?:"([^"\\<]*+)"|([^"<]*+))\s*+<([^<>@:\s]*+:[^<>@:\s]*+(?:[@:][^<>@\s]*+)?+)>'
    r'(?:;tag=([^;,"=\s]++))?+'
)

T = TypeVar("T")


def _cached(function: Callable[[str], T]) -> Callable[[str], T]:
    """Remembers what a function made of short texts."""
    remembered = lru_cache(maxsize=_CACHED)(function)

    def call(text: str) -> T:
        return remembered(text) if len(text) <= _CACHED_TEXT else function(text)

    return call


class StartLine(NamedTuple):
    """Request line or status line (RFC 3261 section 7); what is absent is empty or 0."""

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    error: str = ""


@_cached
def start_line(line: str) -> StartLine:
    """Reads the first line of a message; `error` says what is wrong with it."""
    line = line.strip(" \t\r")
    if line[:7].upper() == _VERSION:
        answer = _STATUS_LINE.fullmatch(line)
        if answer is None:
            return StartLine(error="malformed status line")
        status = int(answer[1])
        if not 100 <= status <= 699:
            return StartLine(error="status code out of range")
        return StartLine(status=status, reason=" ".join((answer[2] or "").split())[:MAX_TEXT])
    words = line.replace("\t", " ").split(" ")
    words = [word for word in words if word]
    method = words[0] if words and _METHOD.fullmatch(words[0]) else ""
    if len(words) > 1 and words[-1].upper() != _VERSION and _OTHER_VERSION.fullmatch(words[-1]):
        return StartLine(method, error="not SIP version 2.0")
    if len(words) != 3 or not method or words[2].upper() != _VERSION:
        return StartLine(method, error="malformed request line")
    uri = without_password(words[1])[:MAX_TEXT]
    return StartLine(method, uri, error="" if _SCHEME.match(uri) else "malformed Request-URI")


def via(value: str) -> tuple[str, str, str]:
    """Reads the first Via of a message.

    Returns:
        The branch of the last hop with the magic cookie, else an empty text; sent-by and branch
        where that has no cookie (RFC 2543), else an empty text; and, if the hop before shares the
        header, its branch with the magic cookie.
    """
    before, cookie, after = value.partition(_USUAL_BRANCH)
    if cookie and ";" not in before and "," not in value and '"' not in value:
        return (_COOKIE + after.partition(";")[0]).rstrip()[:MAX_TEXT], "", ""
    return careful_via(value)


def careful_via(value: str) -> tuple[str, str, str]:
    """The same for any text, at twice the cost."""
    top, _, below = value.partition(",")  # the hops may share a header
    if '"' in value:  # a comma or semicolon inside quotes separates nothing
        top, below = (*split_list(value), "", "")[:2]
        branch = parameter(top, "branch")
    else:
        found = _BRANCH.search(top)
        branch = found[1].strip()[:MAX_TEXT] if found else ""
    previous = parameter(below.partition(",")[0], "branch") if below else ""
    if previous[:7].lower() != _MAGIC_COOKIE:
        previous = ""
    if branch[:7].lower() == _MAGIC_COOKIE:
        return branch, "", previous
    sent_by = top.partition(";")[0].rstrip().rpartition(" ")[2]
    return "", f"{sent_by[:MAX_TEXT]};{branch}", previous


@_cached
def party(value: str) -> tuple[str, str, str]:
    """Reads From or To: URI, tag, display name; what is absent is empty."""
    usual = _USUAL_PARTY.fullmatch(value)
    if usual is None:
        return careful_party(value)
    quoted, bare, uri, tag = usual.groups("")
    return uri[:MAX_TEXT], tag[:MAX_TEXT], (quoted or bare).strip()[:MAX_TEXT]


def careful_party(value: str) -> tuple[str, str, str]:
    """The same for any text, at three times the cost."""
    name, uri, parameters = named_address(value)
    return uri, parameter(parameters, "tag"), name


class CSeq(NamedTuple):
    """A request's number and method; no method where the header is malformed."""

    number: int
    method: str


@_cached
def cseq(value: str) -> CSeq:
    """Reads CSeq."""
    words = value.split()
    found = number(words[0]) if len(words) == 2 else None
    if found is None or not _METHOD.fullmatch(words[1]):
        return CSeq(0, "")
    return CSeq(found, words[1])


class Contact(NamedTuple):
    """One contact of a Contact header: its URI, and the seconds of its own parameter, if any."""

    uri: str
    expires: int | None


@_cached
def contacts(value: str) -> tuple[Contact, ...]:
    """Reads a Contact header; a phone sends the same one with every refresh."""
    found = map(address, split_list(value))
    return tuple([Contact(one.uri, number(parameter(one.parameters, "expires"))) for one in found])
