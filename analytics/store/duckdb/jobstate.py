"""Jobs, their watermarks, the groups that changed, and findings.

Invariants:
- A watermark belongs to (job, version, kid, profile) and only grows; a new version of a job
  forgets those of the others, so that a version that comes back starts over too.
- Findings and the watermark they led to are written in one transaction. A finding is replaced by
  id; one that says nothing new keeps its row and its sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import duckdb
import msgspec
import numpy as np

from analytics.store.duckdb.filters import Where
from analytics.store.duckdb.registry import StoredRegistry
from analytics.store.duckdb.statements import exploded_groups
from analytics.store.duckdb.texts import Registered, number, objects
from analytics.store.intake.registry import StoredColumn
from analytics.store.replacing import place_findings
from analytics.store.reports import GroupChange, JobEvent
from analytics.wire import Finding, JobPart, JobSpec, encode_bytes

_MARK = "job = ? AND version = ? AND kid = ? AND profile = ?"


def put_job(connection: duckdb.DuckDBPyConnection, job: JobSpec) -> None:
    """Add or replace a job."""
    connection.execute("DELETE FROM jobs WHERE id = ?", [job.id])
    connection.execute("INSERT INTO jobs VALUES (?, ?)", [job.id, job.model_dump_json()])
    connection.execute(
        "DELETE FROM watermarks WHERE job = ? AND version <> ?", [job.id, job.version]
    )


def read_jobs(connection: duckdb.DuckDBPyConnection) -> list[JobSpec]:
    """Every job, by id."""
    rows = connection.execute("SELECT spec FROM jobs ORDER BY id").fetchall()
    return [JobSpec.model_validate_json(spec) for (spec,) in rows]


def remove_job(connection: duckdb.DuckDBPyConnection, job_id: str) -> bool:
    """Remove a job and its watermarks; False if there was none."""
    connection.execute("DELETE FROM watermarks WHERE job = ?", [job_id])
    removed = connection.execute("DELETE FROM jobs WHERE id = ? RETURNING id", [job_id]).fetchall()
    return bool(removed)


def watermark(connection: duckdb.DuckDBPyConnection, job: JobSpec, part: JobPart) -> int:
    """The position up to which the part was evaluated."""
    return number(
        connection, f"SELECT max(position) FROM watermarks WHERE {_MARK}", _mark(job, part)
    )


def _mark(job: JobSpec, part: JobPart) -> list[object]:
    return [job.id, job.version, part.kid, part.profile]


def changed_groups(
    connection: duckdb.DuckDBPyConnection,
    registry: StoredRegistry,
    job: JobSpec,
    part: JobPart,
    after: int,
) -> list[GroupChange]:
    """Groups with a matching event after a position.

    All of them: which can reach the threshold the runner asks by one query, and events before
    the position are not read here.
    """
    stored = registry.part(part.kid, part.profile)
    grouped = [stored.by_path(path) for path in job.group_by] if stored is not None else []
    if stored is None or not all(grouped):
        return []
    where = Where(connection, registry, stored)
    where.also(f"e.seq > {int(after)} AND e.t IS NOT NULL")
    where.add(part.filter)
    columns = [columns[0] for columns in grouped]
    keys = ", ".join(f"g{i}" for i in range(len(columns)))
    texts = ", ".join(f"t{i}.text" for i in range(len(columns)))
    joins = "".join(f" JOIN texts t{i} ON t{i}.id = c.g{i}" for i in range(len(columns)))
    rows = connection.execute(
        f"WITH {exploded_groups(columns, where.sql)}, "
        f"changed AS (SELECT {keys}, min(t) AS first, max(t) AS last FROM exploded "
        f"GROUP BY {keys}) SELECT {texts}, c.first, c.last FROM changed c{joins}",
        where.parameters,
    ).fetchall()
    return [GroupChange(row[:-2], row[-2], row[-1]) for row in rows]


def group_events(
    connection: duckdb.DuckDBPyConnection,
    registry: StoredRegistry,
    job: JobSpec,
    part: JobPart,
    group: tuple[str, ...],
    window: tuple[int, int],
    limit: int | None,
) -> list[JobEvent]:
    """The group's matching events in a half-open window, by time, then id."""
    stored = registry.part(part.kid, part.profile)
    if stored is None:
        return []
    where = Where(connection, registry, stored, since=window[0], until=window[1])
    for path, text in zip(job.group_by, group, strict=True):
        where.one_of(path, [text])
    where.add(part.filter)
    values = stored.by_path(job.value) if job.value is not None else []
    value = f", e.c{values[0].number}" if values else ""
    # Ids are compared as their text, which base64url does not order as the bytes; so a limit
    # takes all events of the last instant, and the order is made afterwards.
    cut = f" QUALIFY rank() OVER (ORDER BY e.t) <= {int(limit)}" if limit is not None else ""
    chosen = f"SELECT e.seq, e.t, e.h, e.l, e.weight{value} FROM events e WHERE {where.sql}{cut}"
    rows = connection.execute(
        f"WITH chosen AS MATERIALIZED ({chosen}), {_value_texts(values)} "
        "SELECT t, h, l, weight, texts FROM chosen LEFT JOIN named USING (seq)",
        where.parameters,
    ).fetchall()
    return sorted(_job_event(*row) for row in rows)[:limit]


def events_of_groups(
    connection: duckdb.DuckDBPyConnection,
    registry: StoredRegistry,
    job: JobSpec,
    part: JobPart,
    groups: Sequence[tuple[str, ...]],
    window: tuple[int, int],
    limit: int,
) -> list[list[JobEvent]] | None:
    """The matching events of each group in a half-open window; None if they exceed a limit."""
    found: dict[tuple[str, ...], list[JobEvent]] = {group: [] for group in groups}
    stored = registry.part(part.kid, part.profile)
    grouped = [stored.by_path(path) for path in job.group_by] if stored is not None else []
    if stored is None or not groups or not all(grouped):
        return [[] for _ in groups]
    where = Where(connection, registry, stored, since=window[0], until=window[1])
    for path, texts in zip(job.group_by, zip(*groups, strict=True), strict=True):
        where.one_of(path, list(dict.fromkeys(texts)))
    where.add(part.filter)
    columns = [columns[0] for columns in grouped]
    values = stored.by_path(job.value) if job.value is not None else []
    needed = ["h", "l", *(f"c{column.number}" for column in values[:1])]
    keys = "".join(f"t{i}.text, " for i in range(len(columns)))
    joins = "".join(f" JOIN texts t{i} ON t{i}.id = x.g{i}" for i in range(len(columns)))
    rows = connection.execute(
        f"WITH {exploded_groups(columns, where.sql, needed=needed)}, {_value_texts(values)} "
        f"SELECT {keys}x.t, x.h, x.l, x.weight, named.texts FROM exploded x{joins} "
        f"LEFT JOIN named USING (seq) LIMIT {int(limit) + 1}",
        where.parameters,
    ).fetchall()
    if len(rows) > limit:
        return None
    for row in rows:
        if (events := found.get(row[: len(columns)])) is not None:
            events.append(_job_event(*row[len(columns) :]))
    return [sorted(found[group]) for group in groups]


def _value_texts(values: Sequence[StoredColumn]) -> str:
    """The CTEs from `chosen` events to `named`, the texts of the job's value by `seq`.

    Args:
        values: the columns of the value's path, the one with its texts first.
    """
    column = f"c{values[0].number}" if values else "NULL::UINTEGER"
    leaves = f"SELECT seq, {column} AS c FROM chosen WHERE {column} IS NOT NULL"
    if values and values[0].multi:
        leaves += (
            " UNION ALL SELECT seq, m.c FROM elements m SEMI JOIN chosen USING (seq) "
            f"WHERE m.n = {int(values[0].number)}"
        )
    return (
        f"leaves AS ({leaves}), named AS "
        "(SELECT seq, list(text) AS texts FROM leaves JOIN texts ON id = c GROUP BY seq)"
    )


def _job_event(time: int, h: int, low: int, weight: int, texts: Sequence[str] | None) -> JobEvent:
    name = encode_bytes(h.to_bytes(8, "little") + low.to_bytes(8, "little"))
    return JobEvent(time, name, weight, tuple(sorted(texts or ())))


def read_findings(connection: duckdb.DuckDBPyConnection, after: int) -> Iterator[Finding]:
    """Findings with a greater sequence, in that order."""
    cursor = connection.execute(
        "SELECT sequence, body FROM findings WHERE sequence > ? ORDER BY sequence", [after]
    )
    while rows := cursor.fetchmany(1000):
        for sequence, body in rows:
            yield _finding(sequence, body)


def findings_of_groups(
    connection: duckdb.DuckDBPyConnection,
    job: JobSpec,
    part: JobPart,
    groups: Sequence[tuple[str, ...]],
    window: tuple[int, int],
) -> list[list[Finding]]:
    """The findings of each group whose windows meet a half-open one, by start."""
    found: dict[str, list[Finding]] = {_group_text(group): [] for group in groups}
    rows = connection.execute(
        f"SELECT grp, sequence, body FROM findings WHERE {_MARK} "
        "AND since < ? AND until > ? AND grp IN (SELECT unnest(?::VARCHAR[])) ORDER BY since, id",
        [*_mark(job, part), window[1], window[0], list(found)],
    ).fetchall()
    for text, sequence, body in rows:
        found[text].append(_finding(sequence, body))
    return [found[_group_text(group)] for group in groups]


def write_findings(
    connection: duckdb.DuckDBPyConnection,
    job: JobSpec,
    part: JobPart,
    findings: Sequence[Finding],
    position: int,
) -> None:
    """Write findings and advance the watermark, within the caller's transaction."""
    latest = {finding.id: finding for finding in findings}
    ids = list(latest)
    there: dict[str, str] = dict(
        connection.execute(
            "SELECT id, body FROM findings WHERE id IN (SELECT unnest(?::VARCHAR[]))", [ids]
        ).fetchall()
        if ids
        else []
    )
    changed = [finding for finding in latest.values() if there.get(finding.id) != _body(finding)]
    sequence = number(connection, "SELECT max(sequence) FROM findings")
    _delete(connection, [finding.id for finding in changed if finding.id in there])
    _insert(
        connection,
        [(sequence + n, finding) for n, finding in enumerate(changed, 1)],
        [_mark(job, part)] * len(changed),
    )
    advanced = max(position, watermark(connection, job, part))
    connection.execute(f"DELETE FROM watermarks WHERE {_MARK}", _mark(job, part))
    connection.execute(
        "INSERT INTO watermarks VALUES (?, ?, ?, ?, ?)", [*_mark(job, part), advanced]
    )


def replace_findings(
    connection: duckdb.DuckDBPyConnection, replacements: Mapping[str, Finding]
) -> int:
    """Put findings in the place of those with these ids, within the caller's transaction."""
    ids = [*replacements, *(finding.id for finding in replacements.values())]
    rows = connection.execute(
        "SELECT id, sequence, body FROM findings WHERE id IN (SELECT unnest(?::VARCHAR[]))", [ids]
    ).fetchall()
    there = {known: _finding(sequence, body) for known, sequence, body in rows}
    gone = {old: new for old, new in replacements.items() if old in there and new.id != old}
    newest = number(connection, "SELECT max(sequence) FROM findings")
    placed = place_findings(gone, there, newest)
    _delete(connection, [*gone, *placed])
    marks: list[list[object]] = [[f.job, f.version, f.kid, f.profile] for f in placed.values()]
    _insert(connection, [(f.sequence, f) for f in placed.values()], marks)
    return len(gone)


def _delete(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> None:
    if ids:
        connection.execute(
            "DELETE FROM findings WHERE id IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]
        )


def _insert(
    connection: duckdb.DuckDBPyConnection,
    findings: Sequence[tuple[int, Finding]],
    marks: Sequence[Sequence[object]],
) -> None:
    """Store findings with their sequences and whose they are, as `_mark` gives it."""
    if not findings:
        return
    jobs, versions, kids, profiles = zip(*marks, strict=True)
    arrays = {
        "sequence": np.array([sequence for sequence, _ in findings], dtype=np.int64),
        "id": objects([finding.id for _, finding in findings]),
        "job": objects(jobs),
        "version": objects(versions),
        "kid": objects(kids),
        "profile": objects(profiles),
        "grp": objects([_group_text(finding.group) for _, finding in findings]),
        "since": np.array([finding.start for _, finding in findings], dtype=np.int64),
        "until": np.array([finding.end for _, finding in findings], dtype=np.int64),
        "body": objects([_body(finding) for _, finding in findings]),
    }
    with Registered(connection, "batch", arrays):
        connection.execute(
            "INSERT INTO findings SELECT sequence, id, job, version, kid, profile, grp, since, "
            "until, body FROM batch"
        )


def _body(finding: Finding) -> str:
    return finding.model_dump_json(exclude={"sequence"})


def _finding(sequence: int, body: str) -> Finding:
    return Finding.model_validate_json(body).model_copy(update={"sequence": sequence})


def _group_text(group: tuple[str, ...]) -> str:
    return msgspec.json.encode(group).decode()
