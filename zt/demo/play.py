"""Plays the demo and collects the facts that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from analytics.jobs import run_jobs
from analytics.store import JobState, open_store
from analytics.wire import Eq, EventLine, Query, format_time, parse_line, parse_time
from keys import Ring, WrongKeyError, init_ring
from zt import __version__
from zt.encoder import Decoder, Encoder
from zt.errors import InputError
from zt.jobs import DEFAULT_PACK, OpenedFinding, compile_job, load_pack, open_finding
from zt.policy import DEFAULT_POLICY, Block, decide, load_policy
from zt.policy.blockers.nftables import block_commands
from zt.profile import DEFAULT_PRESET, load_profile
from zt.query import Count, Session, parse
from zt.query.compile import visible_field
from zt.sip import Agent, probe_capture

TENANT = "demo"
CAPTURE = "demo.pcap"
PART_OF_A_NUMBER = "9302312"


@dataclass
class Facts:
    """What the demo saw."""

    messages: int
    events: list[dict[str, Any]]
    before: dict[str, Any]
    after: dict[str, Any]
    clouds_view: list[Count]
    callers: list[Count]
    attackers: list[Count]
    question: str
    found: list[dict[str, Any]]
    wrong_key: str
    altered: str
    findings: list[OpenedFinding]
    blocks: list[Block]
    refused: dict[str, int]
    commands: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The facts for machines."""
        return {
            "messages": self.messages,
            "events": len(self.events),
            "before": self.before,
            "after": self.after,
            "clouds_view": _counts(self.clouds_view),
            "callers": _counts(self.callers),
            "attackers": _counts(self.attackers),
            "search": {"question": self.question, "found": self.found},
            "wrong_key": self.wrong_key,
            "altered": self.altered,
            "findings": [
                {
                    "job": opened.finding.job,
                    "group": opened.group,
                    "metric": opened.finding.metric,
                    "start": format_time(opened.finding.start),
                }
                for opened in self.findings
            ],
            "blocked": sorted({str(block.address) for block in self.blocks}),
            "refused": self.refused,
            "commands": self.commands,
        }


def find_capture() -> Path:
    """The capture that comes with the product.

    Raises:
        InputError: this installation lacks it.
    """
    packaged = Path(str(files("zt.demo").joinpath(CAPTURE)))
    for path in (packaged, packaged.parents[2] / "examples" / "data" / CAPTURE):
        if path.is_file():
            return path
    raise InputError(
        f"this installation lacks the capture {CAPTURE}", "give one with: zt demo --capture FILE"
    )


def play(folder: Path, capture: Path) -> Facts:
    """Play the demo; ring, events, wire file and store are left in the folder.

    Raises:
        CaptureError: the capture can't be read.
        InputError: it holds nothing that the demo could show.
    """
    agent = Agent(name="demo", version=__version__)
    with capture.open("rb") as source:
        probed = probe_capture(source, name=str(capture), agent=agent)
        events = list(probed)
    if not events:
        raise InputError("the capture has no SIP traffic", "give another one")
    lines = [msgspec.json.encode(event) + b"\n" for event in events]
    (folder / "events.ndjson").write_bytes(b"".join(lines))

    ring = init_ring(folder / "ring.json", TENANT, "file:ring.json.key")
    wire = list(Encoder(ring, load_profile(DEFAULT_PRESET)).encrypt(lines))
    (folder / "events.zt").write_bytes(b"".join(wire))

    with open_store(f"duckdb:{folder / 'cloud.duckdb'}", create=True) as store:
        store.ingest(wire)
        return _look(store, ring, events, wire, probed.stats.requests + probed.stats.responses)


def _look(
    store: JobState, ring: Ring, events: list[dict[str, Any]], wire: list[bytes], messages: int
) -> Facts:
    session = Session(ring, store)
    pack = load_pack(DEFAULT_PACK)
    for job in pack.jobs:
        store.put_job(compile_job(job, session))
    run_jobs(store)
    jobs = {job.id: job for job in pack.jobs}
    findings = list(store.findings())
    now = max(parse_time(event["@timestamp"]) for event in events)
    decision = decide(findings, load_policy(DEFAULT_POLICY), pack, session, now=now)

    shown = next((i for i, event in enumerate(events) if event["type"] == "auth-failed"), 0)
    encrypted = [line for line in wire if isinstance(parse_line(line.rstrip()), EventLine)]
    question = f"type:call-start AND sip.from:*{PART_OF_A_NUMBER}*"
    return Facts(
        messages=messages,
        events=events,
        before=events[shown],
        after=msgspec.json.decode(encrypted[shown]),
        clouds_view=_clouds_view(store, session),
        callers=session.top("sip.from", where=parse("type:call-start"), limit=5),
        attackers=session.top("client.ip", where=parse("type:auth-failed"), limit=5),
        question=question,
        found=[item.event for item in session.search(parse(question))],
        wrong_key=_try_wrong_key(ring, store),
        altered=_try_altered(ring, wire, encrypted[shown]),
        findings=[open_finding(finding, jobs, session) for finding in findings],
        blocks=decision.blocks,
        refused=dict(decision.refused),
        commands=block_commands(decision.blocks, now),
    )


def _clouds_view(store: JobState, session: Session) -> list[Count]:
    """The groups of the attackers' addresses as the cloud has them: ciphertexts."""
    plan = session.plans[0]
    path = visible_field(plan, "client.ip").path
    query = Query(
        kid=plan.kid,
        profile=plan.profile_id,
        filter=Eq(path="type", value="auth-failed"),
        group_by=(path,),
        limit=5,
    )
    return [Count(row.key[0], int(row.metrics[0] or 0)) for row in store.query(query)]


def _try_wrong_key(ring: Ring, store: JobState) -> str:
    """What happens when somebody asks with another ring of the same tenant's name."""
    other = init_ring(ring.path.with_name("wrong.json"), TENANT, "file:wrong.json.key")
    try:
        Session(other, store)
    except WrongKeyError as error:
        return str(error)
    finally:
        for name in ("wrong.json", "wrong.json.key", "wrong.json.lock"):
            ring.path.with_name(name).unlink(missing_ok=True)
    raise AssertionError("a wrong key was not noticed")


def _try_altered(ring: Ring, wire: list[bytes], line: bytes) -> str:
    """What happens when the cloud turns a failure into something harmless."""
    altered = line.replace(b'"type":"auth-failed"', b'"type":"other-ok"')
    reasons: list[str] = []
    decoder = Decoder(ring, on_reject=lambda reject: reasons.append(reject.reason))
    for _ in decoder.decrypt(altered if known is line else known for known in wire):
        pass
    return "; ".join(reasons)


def _counts(counts: list[Count]) -> list[dict[str, Any]]:
    return [{"value": count.value, "count": count.count} for count in counts]
