"""Writes all that a batch has come to: one statement, made of the parts that it needs."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from shared.broker.protocol import Outgoing
from shared.definition import encode_all
from shared.lifecycle import ForgetAttempts, Job, SetVariable, Task
from shared.lifecycle.metering import Charge
from shared.messages import LogPart
from shared.planning.new_job import NewGraph, NewJob, are_small
from shared.postgres.pool import Connection
from shared.process.garbage import in_thread
from shared.store.columns import Written, at_least, inserted, json_rows, updated
from shared.store.object_removals import Removal
from shared.store.outbox import CLAIM, OutboxRow
from shared.store.outgoing import FeedRow
from shared.store.rows import (
    ARTIFACT,
    FEED,
    JOB,
    JOB_TASK,
    NEW_JOB,
    TASK,
    VARIABLE,
    VERSION,
    begun_task_row,
    job_changes,
    new_job_row,
    new_task_row,
    submitted_row,
    task_changes,
    variable_row,
)
from shared.store.versions import FORGET_TASKS, UPDATE_JOBS, job_update, label, version_row
from shared.store.wallets import charge

_FEW_TASKS = 50
_MOST_TASKS = 2_000
"""In one statement, however many one decision makes or cancels: a statement has its time-out."""

_GREATEST_PART_NUMBER = 2**31 - 1

JsonRow = dict[str, object]


@dataclass(slots=True)
class Writes:
    """All that one statement writes. A new job comes with its sealed secrets, and its graph if it
    is one; so does one of a new version. `resealed` are those of jobs that have rows. `begun_tasks`
    are those that waited for their turn among their siblings, `replaced` the attempts whose
    artifacts go, `images` the digests of images by name."""

    new_jobs: list[tuple[Job, NewJob, str | None, NewGraph | None]] = field(default_factory=list)
    updated_jobs: list[tuple[Job, NewJob, str | None, NewGraph | None]] = field(
        default_factory=list
    )
    jobs: list[Job] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    begun_tasks: list[Task] = field(default_factory=list)
    new_tasks: list[Task] = field(default_factory=list)
    variables: list[SetVariable] = field(default_factory=list)
    artifacts: list[JsonRow] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    forgotten: list[ForgetAttempts] = field(default_factory=list)
    log_parts: Sequence[LogPart] = ()
    feed: list[FeedRow] = field(default_factory=list)
    webhook_events: list[FeedRow] = field(default_factory=list)
    schedule_ends: list[tuple[str, str]] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    resealed: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)


RESEAL = """
UPDATE jobs SET sealed = r.sealed FROM unnest($1::text[], $2::text[]) AS r(id, sealed)
WHERE jobs.id = r.id
"""


async def write(connection: Connection, writes: Writes) -> list[OutboxRow]:
    """Write all of it; the outbox rows as they must now be sent."""
    if writes.resealed:  # rarely: another column of a row that may change as well
        given = list(writes.resealed), list(writes.resealed.values())
        await connection.execute(RESEAL, *given)
    if writes.charges:  # only where balances are charged
        await charge(connection, writes.charges)
    if writes.updated_jobs:  # rarely, as well
        await _write_versions(connection, writes.updated_jobs)
    new, changed, most = writes.new_tasks, writes.tasks, _MOST_TASKS
    rows = await _write(connection, replace(writes, new_tasks=new[:most], tasks=changed[:most]))
    for start in range(most, max(len(new), len(changed)), most):
        end = start + most
        await _write(connection, Writes(new_tasks=new[start:end], tasks=changed[start:end]))
    return rows


_OF_VERSIONS = ("job_tasks", "job_needs", "job_versions", "upload_uses")


async def _write_versions(
    connection: Connection, updated_jobs: list[tuple[Job, NewJob, str | None, NewGraph | None]]
) -> None:
    """What was submitted takes the place of what was submitted before."""
    rows = [job_update(job, new, sealed) for job, new, sealed, _ in updated_jobs]
    await connection.execute(UPDATE_JOBS, *json_rows(rows))
    await connection.execute(FORGET_TASKS, [job.id for job, *_ in updated_jobs])
    await label(connection, {job.id: new.named for job, new, *_ in updated_jobs if new.named})
    as_new = Writes(new_jobs=updated_jobs)
    chosen = {name: given for name in _OF_VERSIONS if (given := PARTS[name].arguments(as_new))}
    arguments = [argument for given in chosen.values() for argument in given]
    await connection.execute(statement(tuple(chosen)), *arguments)


async def _write(connection: Connection, writes: Writes) -> list[OutboxRow]:
    rows = len(writes.new_tasks) + len(writes.begun_tasks) + len(writes.tasks)
    if rows > _FEW_TASKS or not are_small(new for _, new, _, _ in writes.new_jobs):
        chosen = await in_thread(partial(_chosen, writes))
    else:
        chosen = _chosen(writes)
    if not chosen:
        return []
    arguments = [argument for given in chosen.values() for argument in given]
    written = await connection.fetch(statement(tuple(chosen)), *arguments)
    messages = {message.message_id: message for message in writes.messages}
    return [OutboxRow(row["id"], messages[row["message_id"]]) for row in written]


Arguments = Sequence[object]


def _chosen(writes: Writes) -> dict[str, Arguments]:
    """The parts that there is something for, by name."""
    return {name: given for name, part in PARTS.items() if (given := part.arguments(writes))}


@dataclass(frozen=True, slots=True)
class Part:
    """What writes one kind of rows: `sql`, with parameters from $1 on, and `arguments`, which are
    none when there is nothing of the kind. No part reads what another writes. Where the part
    `after` is written too, its rows come first."""

    sql: str
    arguments: Callable[[Writes], Arguments]
    after: str | None = None


def _new_jobs(writes: Writes) -> Arguments:
    return json_rows(
        new_job_row(job) | submitted_row(new) | {"sealed": sealed}
        for job, new, sealed, _ in writes.new_jobs
    )


def _job_tasks(writes: Writes) -> Arguments:
    return json_rows(
        {
            "job_id": job.id,
            "position": position,
            "task": task,
            "waiting_for": graph.waiting_for[position] if graph else 0,
            "is_done": graph is not None and position in graph.done,
        }
        for job, new, _, graph in writes.new_jobs
        for position, task in enumerate(new.tasks or encode_all(new.definition.tasks), start=1)
    )


def _job_versions(writes: Writes) -> Arguments:
    return json_rows(
        version_row(job, new, sealed)
        for job, new, sealed, _ in writes.new_jobs
        if new.keeps_versions or job.spec_version > 1
    )


def _job_needs(writes: Writes) -> Arguments:
    return _arrays(
        (job.id, *edge) for job, _, _, graph in writes.new_jobs if graph for edge in graph.edges()
    )


def _upload_uses(writes: Writes) -> Arguments:
    return _arrays(
        (job.id, upload_id)
        for job, new, _, _ in writes.new_jobs
        for upload_id in set(new.definition.uploads.values())
    )


def _log_parts(writes: Writes) -> Arguments:
    """A part whose number can't be kept (after some 2,000 dispatches) is left out: no log may cost
    its task the end."""
    return _arrays(
        (
            *(part.task_id, part.number, part.created_at),
            part.contents.replace("\x00", "\ufffd"),  # Postgres keeps no NUL
            *(_as_array(part.stderr), _lines_begun_in(part), part.continues),
        )
        for part in writes.log_parts
        if 0 < part.number <= _GREATEST_PART_NUMBER
    )


def _as_array(ranges: Sequence[tuple[int, int]]) -> str | None:
    return f"{{{','.join(f'{first},{last}' for first, last in ranges)}}}" if ranges else None


def _lines_begun_in(part: LogPart) -> int:
    lines = part.contents.count("\n") + (not part.contents.endswith("\n"))
    return lines - part.continues


# Of one statement, whatever a batch has come to. Those of most batches are few, and each that is
# not needed would cost its start: the indexes of its table opened and locked.
PARTS = {
    "new_jobs": Part(inserted("jobs", NEW_JOB), _new_jobs),
    "job_tasks": Part(inserted("job_tasks", JOB_TASK), _job_tasks),
    "job_needs": Part(
        """
        INSERT INTO job_needs (job_id, needed, position)
        SELECT * FROM unnest($1::text[], $2::int[], $3::int[])
        """,
        _job_needs,
    ),
    "job_versions": Part(inserted("job_versions", VERSION), _job_versions),
    "upload_uses": Part(
        """
        INSERT INTO upload_uses (owner_id, upload_id)
        SELECT r.job_id, u.id FROM unnest($1::text[], $2::text[]) AS r(job_id, upload_id)
        JOIN uploads u ON u.id = r.upload_id
        ON CONFLICT DO NOTHING
        """,
        _upload_uses,
    ),
    "jobs": Part(
        updated("jobs", at_least(JOB, Written.CHANGED)),
        lambda w: json_rows(map(job_changes, w.jobs)),
    ),
    "tasks": Part(
        updated("tasks", at_least(TASK, Written.CHANGED)),
        lambda w: json_rows(map(task_changes, w.tasks)),
    ),
    "begun_tasks": Part(
        updated("tasks", at_least(TASK, Written.BEGUN)),
        lambda w: json_rows(map(begun_task_row, w.begun_tasks)),
    ),
    "new_tasks": Part(inserted("tasks", TASK), lambda w: json_rows(map(new_task_row, w.new_tasks))),
    "variables": Part(
        f"{inserted('job_variables', VARIABLE)} "
        "ON CONFLICT (job_id, name) DO UPDATE "
        "SET value = excluded.value, is_list = excluded.is_list",
        lambda w: json_rows(map(variable_row, w.variables)),
    ),
    # Two of one name are a mistake that may not cost the task its end.
    "artifacts": Part(
        f"{inserted('artifacts', ARTIFACT)} ON CONFLICT DO NOTHING",
        lambda w: json_rows(w.artifacts),
    ),
    "replaced": Part(
        "DELETE FROM artifacts WHERE task_id = ANY($1::text[])",
        lambda w: [w.replaced] if w.replaced else [],
    ),
    "removals": Part(
        """
        INSERT INTO object_removals (prefix, due_at)
        SELECT r.prefix, now() + r.after FROM unnest($1::text[], $2::interval[]) AS r(prefix, after)
        ON CONFLICT (prefix) DO UPDATE SET due_at = excluded.due_at, created_at = now()
        """,
        lambda w: _arrays(dict(w.removals).items()),
    ),
    "forgotten": Part(
        """
        DELETE FROM tasks t
        USING unnest($1::text[], $2::int[], $3::int[]) AS f(parent_id, child_index, last)
        WHERE t.parent_id = f.parent_id AND t.child_index = f.child_index AND t.attempt <= f.last
        """,
        lambda w: _arrays((f.parent_id, f.child_index, f.last) for f in w.forgotten),
    ),
    # Parts arrive more than once, and may outlive their task.
    "log_parts": Part(
        """
        INSERT INTO task_log_parts
            (task_id, number, job_id, created_at, contents, stderr, lines, continues)
        SELECT r.task_id, r.number, t.job_id, r.created_at, r.contents, r.stderr::int[],
               r.lines, r.continues
        FROM unnest($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::int[],
                    $7::bool[])
             AS r(task_id, number, created_at, contents, stderr, lines, continues)
        JOIN tasks t ON t.id = r.task_id
        ON CONFLICT DO NOTHING
        RETURNING 1
        """,
        _log_parts,
    ),
    # A task's last words come before its end, and before what the next task says.
    "feed": Part(inserted("job_events", FEED), lambda w: json_rows(w.feed), after="log_parts"),
    "webhook_events": Part(inserted("webhook_events", FEED), lambda w: json_rows(w.webhook_events)),
    # Rarely. In order, so that two of these can't lock each other out.
    "images": Part(
        """
        INSERT INTO image_digests (name, digest)
        SELECT name, digest FROM unnest($1::text[], $2::text[]) AS r(name, digest) ORDER BY name
        ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, seen_at = now()
        """,
        lambda w: _arrays(w.images.items()),
    ),
    # Only what a schedule waits for or counts.
    "schedule_ends": Part(
        """
        INSERT INTO schedule_ends (schedule_id, state)
        SELECT s.id, e.state FROM unnest($1::text[], $2::text[]) AS e(id, state)
        JOIN schedules s ON s.id = e.id
        WHERE s.overlap IN ('bufferOne', 'bufferAll') OR s.held <> '{}'
           OR s.rules ? 'pauseOnFailure'
        """,
        lambda w: _arrays(w.schedule_ends),
    ),
    "sent": Part(
        "DELETE FROM outbox WHERE id = ANY($1::bigint[])", lambda w: [w.sent] if w.sent else []
    ),
    "messages": Part(
        f"""
        INSERT INTO outbox (queue, message_id, priority, body, claimed_until)
        SELECT m.*, clock_timestamp() + interval '{CLAIM.total_seconds()} seconds'
        FROM unnest($1::text[], $2::text[], $3::smallint[], $4::bytea[]) AS m
        RETURNING id, message_id
        """,  # noqa: S608 - a number of our own
        lambda w: _arrays((m.queue, m.message_id, m.priority, m.body) for m in w.messages),
    ),
}


@cache
def statement(names: tuple[str, ...]) -> str:
    """The statement of these parts; it returns the outbox rows."""
    written: list[str] = []
    parameters = 0
    for name in names:
        part = PARTS[name]
        sql = _numbered_from(parameters, part.sql)
        parameters += len(_PARAMETER.findall(part.sql))
        if part.after in names:
            sql += f" WHERE (SELECT count(*) FROM written_{part.after}) >= 0"  # noqa: S608 - a name of ours
        written.append(f"written_{name} AS ({sql})")
    has_messages = "messages" in names
    result = "id, message_id FROM written_messages" if has_messages else "WHERE false"
    return f"WITH {', '.join(written)} SELECT {result}"


_PARAMETER = re.compile(r"\$(\d+)")


def _numbered_from(before: int, sql: str) -> str:
    """`sql` as it stands behind others, which have so many parameters."""
    return _PARAMETER.sub(lambda found: f"${before + int(found[1])}", sql)


def _arrays(rows: Iterable[tuple[object, ...]]) -> Arguments:
    return [list(column) for column in zip(*rows, strict=True)]
