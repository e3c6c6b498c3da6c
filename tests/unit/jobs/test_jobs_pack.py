"""Packs of jobs as people write them: what a job's question may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from zt.jobs.pack import Job
from zt.query import parse


def job(where: str) -> Job:
    fields: dict[str, Any] = {
        "id": "many-failed",
        "kind": "event_count",
        "group_by": ["client.ip"],
        "window": "1m",
        "threshold": 5,
    }
    return Job(where=where, **fields)


def test_a_jobs_question_is_one_like_any_other() -> None:
    where = "type:auth-failed AND NOT (sip.from:*@example.org OR client.ip:192.0.2.0/24)"
    asked = job(where)
    assert asked.question == parse(where)
    assert asked == job(where)  # that it was parsed is no part of it


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("type:a AND", "should follow"),
        ("type:a~", "fuzzy"),
        ("@timestamp:>now-2h", "knows no now"),  # it is kept, and asked for ever
    ],
)
def test_what_no_job_can_ask(where: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        job(where)
