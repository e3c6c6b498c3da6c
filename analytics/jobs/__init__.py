"""Detection jobs: exact sliding windows, and the runner that keeps them up to date in a store.

`find_detections` is pure; the edge repeats it on opened events. `presence` and `find_zones` tell
both sides where windows may hold events of several parts. `run_jobs` is the cloud's own.
"""

from analytics.jobs.boundaries import Zone, find_zones, key_of, presence
from analytics.jobs.candidates import span_around
from analytics.jobs.kinds import kind_of
from analytics.jobs.runner import JobFailure, RunReport, run_jobs
from analytics.jobs.windows import Detection, find_detections

__all__ = [
    "Detection",
    "JobFailure",
    "RunReport",
    "Zone",
    "find_detections",
    "find_zones",
    "key_of",
    "kind_of",
    "presence",
    "run_jobs",
    "span_around",
]
