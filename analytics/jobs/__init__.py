"""Detection jobs: exact sliding windows, and the runner that keeps them up to date in a store.

`find_detections` is pure; the edge repeats it on opened events. `run_jobs` is the cloud's own.
"""

from analytics.jobs.kinds import kind_of
from analytics.jobs.runner import JobFailure, RunReport, run_jobs
from analytics.jobs.windows import Detection, find_detections

__all__ = [
    "Detection",
    "JobFailure",
    "RunReport",
    "find_detections",
    "kind_of",
    "run_jobs",
]
