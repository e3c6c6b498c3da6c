"""Running a policy: findings in, decisions out. What blocks addresses is `zt.policy.blockers`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from analytics.wire import Finding
from keys import WrongKeyError, labels
from zt.errors import ZtError
from zt.jobs import OpenedFinding, Pack, open_findings
from zt.policy.evidence import EvidenceError, Proof, Verifier
from zt.policy.rules import Policy, Rule
from zt.query import Session


@dataclass(frozen=True, slots=True)
class Block:
    """An address to block until a time (microseconds since 1970), and the proof for it."""

    address: IPv4Address | IPv6Address
    until: int
    job: str
    proof: Proof


@dataclass(slots=True)
class Decision:
    """What a policy decides about a store's findings.

    `refused` counts by reason the findings that nobody is blocked for; reasons hold no
    plaintext. What straddles epochs or profiles counts once.
    """

    blocks: list[Block] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    without_rule: int = 0


def decide(
    findings: Iterable[Finding],
    policy: Policy,
    pack: Pack,
    session: Session,
    *,
    now: int,
    used: set[tuple[str, str]] | None = None,
) -> Decision:
    """Prove each finding that a rule is for, and decide whom to block.

    Args:
        findings: as the store returned them.
        policy: the rules.
        pack: the edge's own copy of the jobs; the store's is not believed.
        session: the store and the keys.
        now: microseconds since 1970.
        used: evidence of earlier runs; see `Verifier`.

    Raises:
        GrantError: the ring is a reader ring that can't verify events, or not open what they
            hide: how much an event weighs and whether its sender is proven may stand there.
    """
    session.ring.require(labels.SEAL_KEYSPACE)
    session.ring.require(labels.EVENT_KEYSPACE)
    jobs = {job.id: job for job in pack.jobs}
    rules = {rule.job: rule for rule in policy.rules}
    verifier = Verifier(session, now, set() if used is None else used)
    decision = Decision()
    ruled: list[Finding] = []
    for finding in findings:
        if finding.job in rules:
            ruled.append(finding)
        else:
            decision.without_rule += not finding.partial

    def refuse(finding: Finding, error: Exception) -> None:
        decision.refused[f"{finding.job}: {error}"] += 1

    for opened in open_findings(ruled, jobs, session, refuse):
        rule = rules[opened.job.id]
        try:
            address = _address(opened, rule, policy)
            proof = verifier.prove(opened, rule)
        except (ZtError, WrongKeyError) as error:
            refuse(opened.finding, error)
            continue
        decision.blocks.append(Block(address, proof.newest + rule.duration, opened.job.id, proof))
    return decision


def _address(opened: OpenedFinding, rule: Rule, policy: Policy) -> IPv4Address | IPv6Address:
    """The address to block, validated before any tool sees it."""
    if rule.block not in opened.group:
        raise EvidenceError(f"the job does not group by {rule.block}, which the rule blocks")
    try:
        address = ip_address(opened.group[rule.block])
    except ValueError:
        raise EvidenceError(f"its {rule.block} is no address") from None
    if isinstance(address, IPv6Address):
        if address.scope_id:
            raise EvidenceError("its address has a zone, which means nothing elsewhere")
        address = address.ipv4_mapped or address
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        raise EvidenceError("its address is none that a remote host can have")
    if any(address in network for network in policy.never):
        raise EvidenceError("its address is one that the policy never blocks")
    return address
