"""A store in figures."""

from __future__ import annotations

import duckdb

from analytics.store.duckdb import jobstate
from analytics.store.duckdb.state import State
from analytics.store.duckdb.texts import number
from analytics.store.reports import JobProgress, Statistics


def read_statistics(state: State) -> Statistics:
    """The store in figures, of one moment; most of them DuckDB knows without reading rows."""
    registry, position, size = state.registry, state.position, state.database.size()
    with state.database.reading() as connection:
        ((events, timed, first, last),) = connection.execute(
            "SELECT count(*), count(t), min(t), max(t) FROM events"
        ).fetchall()
        jobs = []
        for job in jobstate.read_jobs(connection):
            for part in job.parts:
                watermark = jobstate.watermark(connection, job, part)
                stored = registry.part(part.kid, part.profile)
                lag = 0 if stored is None else _newer(connection, stored.number, watermark)
                jobs.append(JobProgress(job.id, part.kid, part.profile, watermark, lag))
        return Statistics(
            events=events,
            timeless=events - timed,
            first=first,
            last=last,
            position=position,
            values=number(connection, "SELECT count(*) FROM records"),
            postings=number(connection, "SELECT count(*) FROM postings"),
            texts=number(connection, "SELECT count(*) FROM texts"),
            findings=number(connection, "SELECT count(*) FROM findings"),
            bytes=size,
            jobs=tuple(jobs),
        )


def _newer(connection: duckdb.DuckDBPyConnection, part: int, position: int) -> int:
    return number(
        connection, "SELECT count(*) FROM events WHERE part = ? AND seq > ?", [part, position]
    )
