"""The mutants of the lure: what keeps a honeypot's answers short, harmless and well-formed."""

from __future__ import annotations

from scripts.mutant import Mutant

TESTS = "tests/unit/honeynet/test_honeypot"
LURE = "zt/honeynet/honeypot/lure"

AMPLIFICATION = f"{TESTS}_lure_amplification.py"
CALLS = f"{TESTS}_lure_calls.py"
DIGEST = f"{TESTS}_digest.py"
ECHO = f"{TESTS}_lure_echo.py"
GUESSES = f"{TESTS}_lure_guesses.py"
MARKS = f"{TESTS}_marks.py"
PERSONALITY = f"{TESTS}_personality.py"
SCANS = f"{TESTS}_lure_scans.py"
SDP = f"{TESTS}_sdp.py"

LURE_MUTANTS = (
    # --- whom it believes
    Mutant(
        "a lure answers a made-up source with more than it sent",
        f"{LURE}/lure.py",
        {"room = None if ask.is_proven else len(ask.datagram.payload)": "room = None"},
        (AMPLIFICATION,),
    ),
    Mutant(
        "a lure's nonce proves any address",
        f"{LURE}/marks.py",
        {'self._mac(b"nonce", source.src, source.dst,': 'self._mac(b"nonce", source.dst,'},
        (MARKS, GUESSES),
    ),
    Mutant(
        "a lure's nonce of UDP holds for TCP",
        f"{LURE}/marks.py",
        {"name = source.transport.encode()": 'name = b""'},
        (MARKS, GUESSES),
    ),
    Mutant(
        "a lure's nonce never grows stale",
        f"{LURE}/marks.py",
        {"if age <= self._life else": "if True else"},
        (MARKS, GUESSES),
    ),
    Mutant(
        "a lure takes any nonce of the right length",
        f"{LURE}/marks.py",
        {"if not compare_digest(raw[2:], self._nonce_mac(source, newest - age)):": "if False:"},
        (MARKS,),
    ),
    Mutant(
        "texts of a lure's marks run together",
        f"{LURE}/marks.py",
        {'b"%d:%b" % (len(text), text)': "text"},
        (MARKS,),
    ),
    Mutant(
        "a stranger ends another's call",
        f"{LURE}/lure.py",
        {"return Key(at.src, at.src_port,": 'return Key(b"0000", at.src_port,'},
        (CALLS,),
    ),
    Mutant(
        "a call can be hung up without its tag",
        f"{LURE}/lure.py",
        {"if ask.message.to_tag != ask.tag or not self._calls.end": "if not self._calls.end"},
        (CALLS,),
    ),
    # --- what it repeats
    Mutant(
        "a lure repeats control characters",
        f"{LURE}/request.py",
        {" or _CONTROL.search(echo):": ":"},
        (ECHO, SCANS),
    ),
    Mutant(
        "a lure repeats as much as it gets",
        f"{LURE}/request.py",
        {"if len(echo) > MAX_ECHO or": "if"},
        (SCANS,),
    ),
    Mutant(
        "a lure repeats any number of hops",
        f"{LURE}/request.py",
        {" or len(vias) > MAX_HOPS:": ":"},
        (SCANS,),
    ),
    Mutant(
        "a lure adds its tag to an open bracket",
        f"{LURE}/replies.py",
        {'if recipient.find(b"<", closed) >= 0 or recipient.count': "if recipient.count"},
        (ECHO,),
    ),
    Mutant(
        "a contact breaks out of its header",
        f"{LURE}/lure.py",
        {" and _CONTACT.fullmatch(uri)": ""},
        (GUESSES,),
    ),
    Mutant(
        "media of an offer come back as they came",
        f"{LURE}/sdp.py",
        {'b" ".join(codecs))': "formats)"},
        (SDP,),
    ),
    Mutant(
        "a lure answers responses",
        f"{LURE}/lure.py",
        {"if message.status or (message.error": "if (message.error"},
        (SCANS,),
    ),
    # --- what it checks
    Mutant(
        "one extension logs in as another",
        f"{LURE}/lure.py",
        {"if user in (None, name) else None": "if True else None"},
        (GUESSES,),
    ),
    Mutant(
        "a user that doesn't exist logs in with an empty password",
        f"{LURE}/lure.py",
        {"if fits and password is not None:": "if fits:"},
        (GUESSES,),
    ),
    Mutant(
        "credentials hold for another realm",
        f"{LURE}/digest.py",
        {" or credentials.realm != realm.encode():": ":"},
        (DIGEST,),
    ),
    Mutant(
        "an algorithm that wasn't offered is taken",
        f"{LURE}/digest.py",
        {"if digest is None or name not in offered or": "if digest is None or"},
        (DIGEST,),
    ),
    Mutant(
        "a personality breaks a reply's lines",
        f"{LURE}/personality.py",
        {r'pattern=r"^[ -~]{1,128}\z"': r'pattern=r"(?s)^.{1,128}\z"'},
        (PERSONALITY,),
    ),
    # --- what it remembers
    Mutant(
        "one source has all the calls",
        f"{LURE}/calls.py",
        {"self._of.get(_source(src), 0) < self._limit_of_one": "True"},
        (CALLS,),
    ),
    Mutant(
        "a host of a /64 has as many calls as it likes",
        f"{LURE}/calls.py",
        {"return src if len(src) == 4 else src[:8]": "return src"},
        (CALLS,),
    ),
    Mutant(
        "an answer is repeated for ever",
        f"{LURE}/calls.py",
        {"if call.state is State.DONE and now < call.until:": "if call.state is State.DONE:"},
        (CALLS,),
    ),
    Mutant(
        "an answered call is never forgotten",
        f"{LURE}/calls.py",
        {
            "self._calls.move(call.key, now + self._life)": "self._calls.move(call.key, NEVER)",
            "import SECOND, DeadlineTable": "import NEVER, SECOND, DeadlineTable",
        },
        (CALLS,),
    ),
)
