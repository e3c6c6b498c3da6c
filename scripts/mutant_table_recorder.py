"""The mutants of a honeypot's records and reports: whom it names, and what it keeps to itself."""

from __future__ import annotations

from scripts.mutant import Mutant

HONEYPOT = "zt/honeynet/honeypot/tell"
TESTS = "tests/unit/honeynet/test_honeypot"

RECORDER = f"{TESTS}_recorder.py"
REPORTING = f"{TESTS}_reporting.py"
SIGHTINGS = f"{TESTS}_sightings.py"

RECORDER_MUTANTS = (
    Mutant(
        "a stranger who answers a forged request is reported",
        f"{HONEYPOT}/sightings.py",
        {"    if message.status:\n        return None\n": ""},
        (SIGHTINGS,),
    ),
    Mutant(
        "a proven sighting stands for what was sent in its name",
        f"{HONEYPOT}/sightings.py",
        {"key = address, kind, proven\n": "key = address, kind, True\n"},
        (SIGHTINGS,),
    ),
    Mutant(
        "the operator's own are reported",
        f"{HONEYPOT}/sightings.py",
        {"if self._is_spared is not None and self._is_spared(address):": "if False:"},
        (SIGHTINGS,),
    ),
    Mutant(
        "a flood hides who is proven",
        f"{HONEYPOT}/recorder.py",
        {
            "proven = self._trust.proves(datagram, message, self._now)": (
                "proven = datagram.connected"
            )
        },
        (RECORDER,),
    ),
    Mutant(
        "a hash of credentials has no salt",
        f"{HONEYPOT}/credentials.py",
        {"hmac.digest(self._salt, found[1]": 'hmac.digest(b"", found[1]'},
        (RECORDER,),
    ),
    Mutant(
        "sightings follow a redirect",
        f"{HONEYPOT}/posting.py",
        {"follow_redirects=False": "follow_redirects=True"},
        (REPORTING,),
    ),
    Mutant(
        "the token goes to the environment's proxy",
        f"{HONEYPOT}/posting.py",
        {"trust_env=False": "trust_env=True"},
        (REPORTING,),
    ),
    Mutant(
        "the token is sent to whoever has a certificate",
        f"{HONEYPOT}/posting.py",
        {"verify=context": "verify=False"},
        (REPORTING,),
    ),
)
