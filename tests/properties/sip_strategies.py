"""Random SIP messages that RFC 3261's grammar allows, and the many ways of writing one."""

from __future__ import annotations

import string
from dataclasses import dataclass

from hypothesis import strategies as st

_TOKEN = string.ascii_letters + string.digits + "-.!%*_+`'~"
_UNRESERVED = string.ascii_letters + string.digits + "-_.!~*'()"
_LABEL = string.ascii_letters + string.digits

tokens = st.text(_TOKEN, min_size=1, max_size=12)
escapes = st.sampled_from(["%20", "%41", "%c3%bc", "%3B", "%40"])


def _escaped(alphabet: str, *, min_size: int = 1) -> st.SearchStrategy[str]:
    pieces = st.one_of(st.sampled_from(alphabet), escapes)
    return st.lists(pieces, min_size=min_size, max_size=8).map("".join)


users = _escaped(_UNRESERVED + "&=+$,;?/")
passwords = _escaped(_UNRESERVED + "&=+$,")
hosts = st.one_of(
    st.lists(st.text(_LABEL, min_size=1, max_size=6), max_size=2).map(
        lambda labels: ".".join([*labels, "example"])
    ),
    st.tuples(*[st.integers(0, 255)] * 4).map(lambda four: ".".join(map(str, four))),
    st.sampled_from(["[2001:db8::1]", "[::1]", "[1:2:3:4:5:6:7:8]"]),
)
ports = st.one_of(st.just(""), st.integers(1, 65_535).map(":{}".format))
uri_parameters = st.lists(
    st.tuples(st.text(_LABEL, min_size=1, max_size=5), st.text(_LABEL + "[]/:&+$", max_size=6)),
    max_size=2,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: "".join(f";{name}={value}" if value else f";{name}" for name, value in pairs))


@st.composite
def sip_uris(draw: st.DrawFn) -> str:
    """A SIP or SIPS URI, perhaps with a password."""
    user = draw(st.one_of(st.just(""), users))
    if user and draw(st.booleans()):
        user += ":" + draw(passwords)
    at = "@" if user else ""
    host, port, parameters = draw(hosts), draw(ports), draw(uri_parameters)
    return f"{draw(st.sampled_from(['sip', 'sips']))}:{user}{at}{host}{port}{parameters}"


tel_uris = st.tuples(
    st.sampled_from(["+49", "+1-555.", "*#", "(030)"]), st.text(string.digits, min_size=1)
).map(lambda parts: f"tel:{parts[0]}{parts[1]}")
uris = st.one_of(sip_uris(), tel_uris)

display_names = st.one_of(
    st.just(""),
    st.lists(tokens, min_size=1, max_size=3).map(lambda words: " ".join(words) + " "),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12).map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '" '
    ),
)
tags = st.one_of(st.just(""), tokens)
other_parameters = st.sampled_from(["", ";x=y", ";flag", ';q="a b"', ";rport;y=1"])


@dataclass(frozen=True)
class Written:
    """A message before it is written: its start line, and header values by their usual names."""

    start: str
    headers: tuple[tuple[str, str], ...]

    def plain(self) -> bytes:
        """As most senders write it."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode()


@st.composite
def parties(draw: st.DrawFn) -> str:
    """From or To, in brackets."""
    tag = draw(tags)
    tagged = f";tag={tag}" if tag else ""
    before, after = draw(other_parameters), draw(other_parameters)
    after = "" if after == before else after  # a parameter stands once
    return f"{draw(display_names)}<{draw(uris)}>{before}{tagged}{after}"


@st.composite
def vias(draw: st.DrawFn) -> str:
    """One hop."""
    transport = draw(st.sampled_from(["UDP", "TCP", "TLS", "WS", "SCTP"]))
    branch = draw(st.sampled_from(["z9hG4bK", "Z9HG4BK-", ""])) + draw(tokens)
    return f"SIP/2.0/{transport} {draw(hosts)}{draw(ports)};rport;branch={branch};x=1"


@st.composite
def messages(draw: st.DrawFn) -> Written:
    """A request or response with what the probe reads."""
    method = draw(st.one_of(st.sampled_from(["INVITE", "REGISTER", "BYE"]), tokens))
    if draw(st.booleans()):
        start = f"{method} {draw(uris)} SIP/2.0"
    else:
        start = f"SIP/2.0 {draw(st.integers(100, 699))} {draw(tokens)} {draw(tokens)}"
    headers = [
        ("Via", ", ".join(draw(st.lists(vias(), min_size=1, max_size=3)))),
        ("From", draw(parties())),
        ("To", draw(parties())),
        ("Call-ID", draw(tokens) + draw(st.sampled_from(["", "@h.example"]))),
        ("CSeq", f"{draw(st.integers(0, (1 << 31) - 1))} {method}"),
    ]
    if draw(st.booleans()):
        headers.append(("Contact", ", ".join(draw(st.lists(parties(), min_size=1, max_size=3)))))
    if draw(st.booleans()):
        headers.append(("User-Agent", f"{draw(tokens)}/1.0 ({draw(tokens)})"))
    if draw(st.booleans()):
        headers.append(("Expires", str(draw(st.integers(0, (1 << 32) - 1)))))
    return Written(start, tuple(draw(st.permutations(headers))))


_COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m"}


@st.composite
def spellings(draw: st.DrawFn, message: Written) -> bytes:
    """The same message as an odd sender may write it."""
    end = draw(st.sampled_from(["\r\n", "\n"]))
    fold = end + draw(st.sampled_from([" ", "\t", "   "]))
    lines = [message.start]
    for name, value in message.headers:
        if draw(st.booleans()):
            name = _COMPACT.get(name, name)
        name = draw(st.sampled_from([name, name.upper(), name.lower()]))
        colon = draw(st.sampled_from([":", ": ", " \t: ", f":{fold}"]))
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(["X-Other: <sip:no@n>;tag=no", "nothing", "Date:"])))
        lines.append(f"{name}{colon}{value}{draw(st.sampled_from(['', ' ', fold]))}")
    empty = draw(st.sampled_from(["", "\r\n", "\r\n\r\n", "\n"]))
    return (empty + end.join([*lines, "", "Via: body"])).encode()
