"""Policies: which findings lead to a block, for how long, and whom it must never hit."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from analytics.wire.jobs import JobId
from zt.configuration import Presets
from zt.errors import InputError
from zt.units import Span

DEFAULT_POLICY = "sip"


class Rule(BaseModel):
    """A job whose proven findings block an address.

    `block` is the field of the finding's group that holds the address, `duration` how long the
    block lasts, `max_age` how old the newest event of the evidence may be. `admit_unproven`
    counts events whose sender may have forged its address: needed for scans over UDP, whose
    packets nobody answers for; such a rule can be made to block a forged address.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    job: JobId
    block: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    duration: Annotated[Span, Field(alias="for")]
    max_age: Span
    admit_unproven: bool = False


class Policy(BaseModel):
    """Rules, and the networks that no rule may block."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    description: str = ""
    never: tuple[IPv4Network | IPv6Network, ...] = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_rule_a_job(self) -> Policy:
        if len({rule.job for rule in self.rules}) != len(self.rules):
            raise ValueError("two rules are for one job")
        return self


POLICIES = Presets("zt.policy", "presets", Policy, InputError, "policy")

load_policy = POLICIES.load
