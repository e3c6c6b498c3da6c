"""Where the probe's time goes, stage by stage.

Update `RULES` when code moves: a test checks that each still names something.
"""

from __future__ import annotations

from ..sampling import OTHER, Profile, Rule

READ = "read the capture"
DECODE = "decode frames"
PARSE = "parse messages"
JUDGE = "transactions and rules"
EVENTS = "put events together"
THROTTLE = "sample and throttle"
STAGES = (READ, DECODE, PARSE, JUDGE, EVENTS, THROTTLE)

RULES = (  # the first that fits a frame
    Rule(READ, "zt/sip/capture/read.py"),
    Rule(READ, "zt/sip/capture/pcap.py"),
    Rule(READ, "zt/sip/capture/pcapng.py"),
    Rule(READ, "zt/sip/capture/source.py"),
    Rule(DECODE, "zt/sip/capture/"),
    Rule(PARSE, "zt/sip/parse.py"),
    Rule(PARSE, "zt/sip/parts.py"),
    Rule(PARSE, "zt/sip/headers.py"),
    Rule(PARSE, "zt/sip/scanners.py"),
    Rule(EVENTS, "zt/sip/events.py"),
    Rule(THROTTLE, "zt/sip/throttle/"),
    Rule(OTHER, "zt/sip/probe.py"),  # what leads from one stage to the next
    Rule(JUDGE, "zt/sip/"),
)


def profile() -> Profile:
    """A profile of no samples yet."""
    return Profile(RULES, STAGES)
