"""Detection jobs at the edge: written in YAML, compiled for the cloud, their findings opened."""

from zt.jobs.compile import compile_job
from zt.jobs.events import JobEvents, fits, job_event
from zt.jobs.findings import OpenedFinding, open_finding, open_findings
from zt.jobs.follow import Follower, News
from zt.jobs.pack import DEFAULT_PACK, Job, Pack, load_pack, pack_names
from zt.jobs.push import add_missing_parts, push_jobs
from zt.jobs.turns import Turns

__all__ = [
    "DEFAULT_PACK",
    "Follower",
    "Job",
    "JobEvents",
    "News",
    "OpenedFinding",
    "Pack",
    "Turns",
    "add_missing_parts",
    "compile_job",
    "fits",
    "job_event",
    "load_pack",
    "open_finding",
    "open_findings",
    "pack_names",
    "push_jobs",
]
