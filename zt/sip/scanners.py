"""Signatures by which SIP scanners give themselves away. Data, to be kept up to date.

Sources:
- SIPVicious OSS (github.com/EnableSecurity/sipvicious): default User-Agent and From of svmap,
  svwar and svcrack.
- github.com/paulseward/sip-hardening, siptables.sh: user agents seen by a honeypot.
- smartvox.co.uk, "How to spot hacker INVITE requests" (2016): From addresses.
- Nmap's NSE library sip.lua: its From.
- Deny lists that most PBX distributions and Kamailio examples share: iWar, sundayddr, sip-scan,
  sipsak, VaxSIPUserAgent, pplsip, SIVuS, siparmyknife.

Names that honest phones use too (eyeBeam, X-Lite, CSipSimple, Asterisk PBX) are only listed as
the exact builds that attack tools copied. None of this is proof: an attacker chooses these
texts, and sipsak is an administrator's tool as well.
"""

from __future__ import annotations

from functools import lru_cache

from zt.sip.parse import Message

# In lower case; a User-Agent that contains one is a scanner's.
USER_AGENTS: tuple[str, ...] = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sundayddr",
    "vaxsipuseragent",
    "vaxipuseragent",
    "sip-scan",
    "sipscan",
    "sipsak",
    "pplsip",
    "iwar",
    "sivus",
    "siparmyknife",
    "sippts",
    "gulp",
    "conaito",
    "fgfdhgfxjfhyjhkj",
    "nmap nse",
    "eyebeam release 3006o stamp 17551",  # copied by brute force tools
)

# In lower case; From addresses of scanners' default requests.
FROM_URIS: dict[str, str] = {
    "sip:100@1.1.1.1": "sipvicious",
    "sip:nm@nm": "nmap",
}

# In lower case; display names in From.
FROM_NAMES: frozenset[str] = frozenset({"sipvicious"})


def signature(request: Message) -> str | None:
    """Names the scanner that a request looks like, or None."""
    return (
        _by_user_agent(request.user_agent)
        or FROM_URIS.get(request.from_uri.lower())
        or (request.from_name.lower() if request.from_name.lower() in FROM_NAMES else None)
    )


@lru_cache(maxsize=1_024)
def _by_user_agent(user_agent: str) -> str | None:
    text = user_agent.lower()
    return next((known for known in USER_AGENTS if known in text), None)
