"""Section 5 of docs/formats.md: which text is a URI, an address, digits, a time; and canonical."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any, NamedTuple

MAX_TEXT = 8192
WHITE = r"[\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"

# --- addresses -------------------------------------------------------------------------------

_MAPPED = bytes(10) + b"\xff\xff"


def parse_address(text: str) -> bytes | None:
    """4 or 16 bytes; an IPv4-mapped address has 16."""
    if ":" not in text:
        return _parse_ipv4(text)
    left, run, right = text.partition("::")
    front, back = _groups(left, is_last=not run), _groups(right, is_last=True)
    if front is None or back is None:
        return None
    missing = 16 - len(front) - len(back)
    if missing < 2 if run else missing:
        return None
    return front + bytes(missing) + back


def _parse_ipv4(text: str) -> bytes | None:
    numbers = text.split(".")
    if len(numbers) != 4 or not all(re.fullmatch("0|[1-9][0-9]{0,2}", n) for n in numbers):
        return None
    return bytes(map(int, numbers)) if all(int(n) < 256 for n in numbers) else None


def _groups(text: str, *, is_last: bool) -> bytes | None:
    """The groups on a side of `::`; at the end two of them may be an IPv4 address."""
    if not text:
        return b""
    found = b""
    groups = text.split(":")
    for place, group in enumerate(groups):
        if re.fullmatch("[0-9A-Fa-f]{1,4}", group):
            found += bytes.fromhex(group.zfill(4))
        elif is_last and place == len(groups) - 1 and (ipv4 := _parse_ipv4(group)):
            found += ipv4
        else:
            return None
    return found


def unmapped(address: bytes) -> bytes:
    return address[12:] if len(address) == 16 and address.startswith(_MAPPED) else address


def spell_address(address: bytes) -> str:
    """The shortest spelling, of an IPv4-mapped address too."""
    if len(address) == 4:
        return ".".join(map(str, address))
    groups = [f"{int.from_bytes(address[i : i + 2], 'big'):x}" for i in range(0, 16, 2)]
    runs = [
        (length, start)
        for length in range(8, 1, -1)
        for start in range(9 - length)
        if groups[start : start + length] == ["0"] * length
    ]
    if not runs:
        return ":".join(groups)
    length, start = runs[0]
    return ":".join(groups[:start]) + "::" + ":".join(groups[start + length :])


def canonical_address(text: str) -> str | None:
    address = parse_address(text)
    return None if address is None else spell_address(unmapped(address))


# --- URIs ------------------------------------------------------------------------------------


class Uri(NamedTuple):
    """A canonical URI; a TEL URI has a number (with its context) and nothing else."""

    scheme: str
    user: str | None = None
    host: str = ""
    number: str = ""

    def __str__(self) -> str:
        if self.scheme == "tel":
            return f"tel:{self.number}"
        return f"{self.scheme}:{self.host if self.user is None else f'{self.user}@{self.host}'}"


_LISTED = r"A-Za-z0-9_.!~*'()&=+$,;?/-"
_SIP = re.compile(
    rf"""
    (?P<scheme> [Ss][Ii][Pp][Ss]? ) :
    (?: (?P<user> (?: [{_LISTED}] | %[0-9A-Fa-f]{{2}} )+ )
        (?: : (?: [A-Za-z0-9_.!~*'()&=+$,-] | %[0-9A-Fa-f]{{2}} )* )? @ )?
    (?P<host> [A-Za-z0-9_-]+ (?: \. [A-Za-z0-9_-]+ )* \.? | \[ [0-9A-Fa-f:.]+ \] )
    (?: : [0-9]{{1,5}} )?
    (?: [;?] [\x21\x23-\x3b\x3d\x3f\x41-\x7e]* )?
    """,
    re.VERBOSE,
)
_TEL = re.compile(
    r"""
    [Tt][Ee][Ll] :
    (?P<number> [0-9A-Fa-f+*\#().-]+ )
    (?P<parameters> (?: ; [\x21-\x3a\x3c-\x7e]+ )* )
    """,
    re.VERBOSE,
)
_IN_BRACKETS = re.compile(
    rf"""
    (?: [^"<>]* | {WHITE}* "(?: [^"\\] | \\. )*" {WHITE}* )  # white space is no `"`, `<`, `>`
    < (?P<uri> [^<>]* ) > (?: {WHITE}* ; .* )?
    """,
    re.VERBOSE | re.DOTALL,
)


def parse_uri(text: str) -> Uri | None:
    """The canonical URI of a text, of any length of its host."""
    if len(text) > MAX_TEXT:
        return None
    if "<" in text:
        if not (brackets := _IN_BRACKETS.fullmatch(text)):
            return None
        text = brackets["uri"]
    if match := _SIP.fullmatch(text):
        return _sip(match)
    if match := _TEL.fullmatch(text):
        return _tel(match)
    return None


def _sip(match: re.Match[str]) -> Uri | None:
    host = match["host"].lower()
    if host.startswith("["):
        address = parse_address(host[1:-1])
        if address is None:
            return None
        host = spell_address(unmapped(address))
        host = f"[{host}]" if ":" in host else host
    else:
        host = host.removesuffix(".")
    user = match["user"]
    if user is not None:
        user = re.sub("%..", lambda escape: _unescape(escape[0]), user)
    return Uri(match["scheme"].lower(), user, host)


def _unescape(escape: str) -> str:
    character = chr(int(escape[1:], 16))
    return character if re.fullmatch(f"[{_LISTED}]", character) else escape.upper()


def _tel(match: re.Match[str]) -> Uri | None:
    number = re.sub("[-.()]", "", match["number"]).lower()
    if re.fullmatch(r"\+[0-9]+", number):
        return Uri("tel", number=number)
    if not re.fullmatch("[0-9a-f*#]+", number):
        return None
    for parameter in match["parameters"].split(";"):
        name, _, value = parameter.partition("=")
        if name.lower() == "phone-context" and value:
            return Uri("tel", number=f"{number};phone-context={value.lower()}")
    return None


# --- digits ----------------------------------------------------------------------------------

MAX_DIGITS = 256
MIN_ENCRYPTED = 6
_TWO_DIGITS = r"20|27|3[0-4]|36|39|40|41|4[3-9]|5[1-8]|6[0-6]|81|82|84|86|9[0-5]|98"  # of E.164


def country_code_length(digits: str) -> int | None:
    """The table of section 5; None: no code."""
    if digits.startswith("0"):
        return None
    if digits[:1] in ("1", "7"):
        return 1
    return 2 if re.match(_TWO_DIGITS, digits) else 3


def digits_of(value: Any) -> str | None:
    """The canonical form of digits."""
    if type(value) is int and 0 <= value < 10**MAX_DIGITS:
        return str(value)
    if isinstance(value, str) and re.fullmatch(rf"\+?[0-9]{{1,{MAX_DIGITS}}}", value):
        return value
    return None


def clear_part(text: str, keep: int | str) -> str | None:
    """What is not encrypted of canonical digits, or of their ciphertext; None: not taken."""
    plus = "+" if text.startswith("+") else ""
    digits = text.removeprefix("+")
    length: int | None
    if keep == "country":
        length = country_code_length(digits) if plus else 0
    else:
        assert isinstance(keep, int)
        length = keep
    if length is None or len(digits) - length < MIN_ENCRYPTED:
        return None
    return plus + digits[:length]


# --- times and numbers -----------------------------------------------------------------------

SECOND = 1_000_000
DAY = 24 * 60 * 60 * SECOND
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST = (date(1, 1, 1).toordinal() - _EPOCH_DAY) * DAY
_AFTER = (date(9999, 12, 31).toordinal() + 1 - _EPOCH_DAY) * DAY
_TIME = re.compile(
    r"""
    ([0-9]{4}) - ([0-9]{2}) - ([0-9]{2})
    (?: [Tt\ ] (?P<hour> [01][0-9] | 2[0-3] ) : (?P<minute> [0-5][0-9] )
        (?: : (?P<second> [0-5][0-9] ) (?: \. (?P<fraction> [0-9]+ ) )? )?
        (?: [Zz] | (?P<sign> [+-] ) (?P<hours> [01][0-9] | 2[0-3] ) :? (?P<minutes> [0-5][0-9] ) )?
    )?
    """,
    re.VERBOSE,
)


def parse_time(text: str) -> int | None:
    """Microseconds since 1970."""
    if not (match := _TIME.fullmatch(text)):
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    part = match.groupdict(default="0")
    minutes = 60 * int(part["hour"]) + int(part["minute"])
    if match["sign"]:
        zone = 60 * int(part["hours"]) + int(part["minutes"])
        minutes += -zone if match["sign"] == "+" else zone
    moment = (day.toordinal() - _EPOCH_DAY) * DAY + minutes * 60 * SECOND
    moment += int(part["second"]) * SECOND + int(part["fraction"][:6].ljust(6, "0"))
    return moment if _FIRST <= moment < _AFTER else None


def spell_time(moment: int) -> str:
    days, rest = divmod(moment, DAY)
    seconds, micros = divmod(rest, SECOND)
    day = date.fromordinal(days + _EPOCH_DAY)
    hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{day.isoformat()}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"


def coarse_time(value: Any, step: int) -> str | None:
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        return None
    rounded = moment // step * step
    return None if rounded < _FIRST else spell_time(rounded)


def coarse_number(value: Any, step: int) -> int | None:
    if type(value) not in (int, float) or not -(2**63) < value < 2**63:
        return None
    rounded = math.floor(value) // step * step
    return None if rounded < -(2**63) else rounded
