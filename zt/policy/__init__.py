"""From findings to blocks: rules, the proof that a rule asks for, and what blocks addresses."""

from zt.policy.evidence import EvidenceError, Proof, Verifier
from zt.policy.rules import DEFAULT_POLICY, Policy, Rule, load_policy
from zt.policy.run import Block, Decision, decide

__all__ = [
    "DEFAULT_POLICY",
    "Block",
    "Decision",
    "EvidenceError",
    "Policy",
    "Proof",
    "Rule",
    "Verifier",
    "decide",
    "load_policy",
]
