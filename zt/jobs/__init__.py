"""Detection jobs at the edge: written in YAML, compiled for the cloud, their findings opened."""

from zt.jobs.compile import compile_job
from zt.jobs.findings import OpenedFinding, open_finding
from zt.jobs.pack import DEFAULT_PACK, Job, Pack, load_pack, pack_names

__all__ = [
    "DEFAULT_PACK",
    "Job",
    "OpenedFinding",
    "Pack",
    "compile_job",
    "load_pack",
    "open_finding",
    "pack_names",
]
