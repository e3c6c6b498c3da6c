"""Signatures by which SIP scanners give themselves away. Data, to be kept up to date.

Sources:
- SIPVicious OSS (github.com/EnableSecurity/sipvicious): default User-Agent and From of svmap,
  svwar and svcrack.
- SIPPTS (github.com/Pepelux/sippts): its User-Agent, today's and that of the Perl scripts.
- Nmap: the probe SIPOptions of nmap-service-probes, which other port scanners send as well, and
  the NSE library sip.lua.
- Metasploit (github.com/rapid7/metasploit-framework), lib/msf/core/exploit/remote/sip.rb: all its
  OPTIONS scans have one From tag.
- ZMap (github.com/zmap/zmap), examples/udp-probes/sip_options.tpl: a branch of six letters, a
  point and ten digits, under a random User-Agent.
- github.com/paulseward/sip-hardening, siptables.sh: user agents seen by a honeypot.
- smartvox.co.uk, "How to spot hacker INVITE requests" (2016): From addresses.
- Deny lists that most PBX distributions, netcap and Pexip's examples share: iWar, sundayddr,
  sip-scan, sipsak, smap, VaxSIPUserAgent, pplsip, SIVuS, siparmyknife, voiphopper.

Names that honest phones use too (eyeBeam, X-Lite, CSipSimple, Asterisk PBX, Cisco-SIPGateway) are
only listed as the exact builds that attack tools copied; random or borrowed ones, as of Mr.SIP,
can't be told. None of this is proof: an attacker chooses these texts, and sipsak is an
administrator's tool as well.
"""

from __future__ import annotations

import re
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
    "sipptk",
    "sippts",
    "iwar",
    "sivus",
    "siparmyknife",
    "voiphopper",
    "smap 0.",
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

FROM_TAGS: dict[str, str] = {"70c00e8c": "metasploit"}

_ZMAP_VIA = re.compile(r"[^;]*;[A-Za-z]{6}\.[0-9]{10}")  # sent-by and branch


def signature(request: Message) -> str | None:
    """Names the scanner that a request looks like, or None."""
    if known := _by_user_agent(request.user_agent) or FROM_TAGS.get(request.from_tag):
        return known
    if known := FROM_URIS.get(request.from_uri.lower()):
        return known
    name = request.from_name.lower()
    if name in FROM_NAMES:
        return name
    # `via` is empty where the branch has the magic cookie, as this one has not.
    return "zmap" if request.via and _ZMAP_VIA.fullmatch(request.via) else None


@lru_cache(maxsize=1_024)
def _by_user_agent(user_agent: str) -> str | None:
    text = user_agent.lower()
    return next((known for known in USER_AGENTS if known in text), None)
