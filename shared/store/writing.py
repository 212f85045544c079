"""Writes all that a batch has come to: one statement, however many jobs and tasks it is about."""

import re
from dataclasses import dataclass, field, replace

import orjson

from shared.broker import Outgoing
from shared.lifecycle import Job, SetVariable, Task
from shared.planning.new_graph import NewGraph
from shared.planning.new_job import NewJob
from shared.postgres.pool import Connection
from shared.store.outbox import CLAIM, OutboxRow
from shared.store.outgoing import FeedRow
from shared.store.rows import begun_task_row, job_changes, new_task_row, task_changes

# Each part works on its own rows and none reads what another writes; an empty list does nothing.
WRITE = """
WITH new_jobs AS (
    INSERT INTO jobs (id, state, name, description, tags, created_by, inputs, sealed, secret_names,
                      output, defaults, webhooks, task_count, position, progress, version, restarts,
                      auto_delete_after, created_at, started_at, completed_at, failed_at, delete_at,
                      deadline_at, timeout, is_graph, parent_job_id, parent_task_id,
                      parent_dispatch, permissions, readers, schedule_id, result, error, search)
    SELECT id, state, name, description, tags, created_by, inputs, sealed, secret_names,
           output, defaults, webhooks, task_count, position, progress, version, restarts,
           make_interval(secs => auto_delete_seconds), created_at, started_at, completed_at,
           failed_at, delete_at, deadline_at, make_interval(secs => timeout_seconds), is_graph,
           parent_job_id, parent_task_id, parent_dispatch, permissions, readers, schedule_id,
           result, error, job_search(name, description, tags)
    FROM json_to_recordset($1::text::json) AS r(
        id text, state text, name text, description text, tags text[], created_by text,
        inputs jsonb, sealed text, secret_names text[], output text, defaults jsonb,
        webhooks jsonb, task_count int, position int, progress float8, version int, restarts int,
        auto_delete_seconds float8, created_at timestamptz, started_at timestamptz,
        completed_at timestamptz, failed_at timestamptz, delete_at timestamptz,
        deadline_at timestamptz, timeout_seconds float8, is_graph boolean, parent_job_id text,
        parent_task_id text, parent_dispatch int, permissions jsonb, readers text[],
        schedule_id text, result text, error text)
), new_job_tasks AS (
    INSERT INTO job_tasks (job_id, position, task, waiting_for, is_done)
    SELECT job_id, position, task, waiting_for, is_done
    FROM json_to_recordset($2::text::json) AS r(
        job_id text, position int, task jsonb, waiting_for int, is_done boolean)
), changed_jobs AS (
    UPDATE jobs AS j SET state = r.state, position = r.position, progress = r.progress,
        version = r.version, restarts = r.restarts, started_at = r.started_at,
        completed_at = r.completed_at, failed_at = r.failed_at, delete_at = r.delete_at,
        deadline_at = r.deadline_at, parent_dispatch = r.parent_dispatch,
        result = r.result, error = r.error
    FROM json_to_recordset($3::text::json) AS r(
        id text, state text, position int, progress float8, version int, restarts int,
        started_at timestamptz, completed_at timestamptz, failed_at timestamptz,
        delete_at timestamptz, deadline_at timestamptz, parent_dispatch int,
        result text, error text)
    WHERE j.id = r.id
), changed_tasks AS (
    UPDATE tasks AS t SET state = r.state, dispatch = r.dispatch, lost = r.lost,
        engine_rejections = r.engine_rejections, last_return_reason = r.last_return_reason,
        progress = r.progress, node_id = r.node_id,
        due_at = r.due_at, lease_expires_at = r.lease_expires_at, deadline_at = r.deadline_at,
        scheduled_at = r.scheduled_at, started_at = r.started_at,
        completed_at = r.completed_at, failed_at = r.failed_at, result = r.result,
        error = r.error, log_parts = r.log_parts, exit_code = r.exit_code,
        children = r.children, subjob_id = r.subjob_id
    FROM json_to_recordset($4::text::json) AS r(
        id text, state text, dispatch int, lost int, engine_rejections int, last_return_reason text,
        progress float8, node_id text, due_at timestamptz, lease_expires_at timestamptz,
        deadline_at timestamptz, scheduled_at timestamptz, started_at timestamptz,
        completed_at timestamptz, failed_at timestamptz, result text, error text,
        log_parts int, exit_code int, children jsonb, subjob_id text)
    WHERE t.id = r.id
), begun_tasks AS (
    UPDATE tasks AS t SET state = r.state, name = r.name, queue = r.queue, priority = r.priority,
        var = r.var, timeout = make_interval(secs => r.timeout_seconds), retry = r.retry,
        definition = r.definition, sealed = r.sealed, kind = r.kind,
        allow_failure = r.allow_failure,
        queue_timeout = make_interval(secs => r.queue_timeout_seconds), progress = r.progress,
        deadline_at = r.deadline_at, scheduled_at = r.scheduled_at, started_at = r.started_at,
        completed_at = r.completed_at, failed_at = r.failed_at, result = r.result,
        error = r.error, children = r.children, subjob_id = r.subjob_id
    FROM json_to_recordset($13::text::json) AS r(
        id text, state text, name text, queue text, priority int, var text,
        timeout_seconds float8, retry jsonb, definition jsonb, sealed text, kind text,
        allow_failure boolean, queue_timeout_seconds float8, progress float8,
        deadline_at timestamptz, scheduled_at timestamptz, started_at timestamptz,
        completed_at timestamptz, failed_at timestamptz, result text, error text,
        children jsonb, subjob_id text)
    WHERE t.id = r.id
), new_tasks AS (
    INSERT INTO tasks (id, job_id, position, state, name, queue, priority, var, timeout, retry,
                       definition, sealed, attempt, dispatch, lost, progress, node_id, due_at,
                       lease_expires_at, deadline_at, created_at, scheduled_at, started_at,
                       completed_at, failed_at, result, error, log_parts, exit_code, kind,
                       allow_failure, queue_timeout, parent_id, child_index, scope, children,
                       subjob_id)
    SELECT id, job_id, position, state, name, queue, priority, var,
           make_interval(secs => timeout_seconds), retry, definition, sealed, attempt, dispatch,
           lost, progress, node_id, due_at, lease_expires_at, deadline_at, created_at,
           scheduled_at, started_at, completed_at, failed_at, result, error, log_parts, exit_code,
           kind, allow_failure, make_interval(secs => queue_timeout_seconds), parent_id,
           child_index, scope, children, subjob_id
    FROM json_to_recordset($5::text::json) AS r(
        id text, job_id text, position int, state text, name text, queue text, priority int,
        var text, timeout_seconds float8, retry jsonb, definition jsonb, sealed text, attempt int,
        dispatch int, lost int, progress float8, node_id text, due_at timestamptz,
        lease_expires_at timestamptz, deadline_at timestamptz, created_at timestamptz,
        scheduled_at timestamptz, started_at timestamptz, completed_at timestamptz,
        failed_at timestamptz, result text, error text, log_parts int, exit_code int, kind text,
        allow_failure boolean, queue_timeout_seconds float8, parent_id text, child_index int,
        scope jsonb, children jsonb, subjob_id text)
), variables AS (
    INSERT INTO job_variables (job_id, name, value)
    SELECT job_id, name, value
    FROM json_to_recordset($6::text::json) AS r(job_id text, name text, value text)
    ON CONFLICT (job_id, name) DO UPDATE SET value = excluded.value
), feed AS (
    INSERT INTO job_events (job_id, changes)
    SELECT job_id, changes
    FROM json_to_recordset($14::text::json) AS r(job_id text, changes jsonb)
), webhook_news AS (
    INSERT INTO webhook_events (job_id, changes)
    SELECT job_id, changes
    FROM json_to_recordset($15::text::json) AS r(job_id text, changes jsonb)
), sent AS (
    DELETE FROM outbox WHERE id = ANY($7::bigint[])
)
INSERT INTO outbox (queue, message_id, priority, body, claimed_until)
SELECT queue, message_id, priority, body, clock_timestamp() + $8
FROM unnest($9::text[], $10::text[], $11::smallint[], $12::bytea[])
     AS m(queue, message_id, priority, body)
RETURNING id, message_id
"""

ADD_NEEDS = """
INSERT INTO job_needs (job_id, needed, position)
SELECT job_id, needed, position
FROM unnest($1::text[], $2::int[], $3::int[]) AS n(job_id, needed, position)
"""

_MOST_TASKS = 2_000
"""In one statement, however many one decision makes or cancels: a statement has its time-out."""


@dataclass(slots=True)
class Writes:
    """All that one statement writes. A new job comes with its sealed secrets, and its graph if it
    is one. `begun_tasks` are those that waited for their turn among their siblings."""

    new_jobs: list[tuple[Job, NewJob, str | None, NewGraph | None]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    begun_tasks: list[Task] = field(default_factory=list)
    new_tasks: list[Task] = field(default_factory=list)
    variables: list[SetVariable] = field(default_factory=list)
    feed: list[FeedRow] = field(default_factory=list)
    webhook_events: list[FeedRow] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)


async def write(connection: Connection, writes: Writes) -> list[OutboxRow]:
    """Write all of it; the outbox rows as they must now be sent."""
    new, changed, most = writes.new_tasks, writes.tasks, _MOST_TASKS
    rows = await _write(connection, replace(writes, new_tasks=new[:most], tasks=changed[:most]))
    for start in range(most, max(len(new), len(changed)), most):
        end = start + most
        more = Writes(new_tasks=new[start:end], tasks=changed[start:end])
        await _write(connection, more)
    await _add_needs(connection, writes)
    return rows


async def _write(connection: Connection, writes: Writes) -> list[OutboxRow]:
    messages = {message.message_id: message for message in writes.messages}
    rows = await connection.fetch(
        WRITE,
        _json([_new_job_row(job, new, sealed) for job, new, sealed, _ in writes.new_jobs]),
        _json([row for _, new, _, graph in writes.new_jobs for row in _job_task_rows(new, graph)]),
        _json([job_changes(job) for job in writes.jobs]),
        _json([task_changes(task) for task in writes.tasks]),
        _json([new_task_row(task) for task in writes.new_tasks]),
        _json([{"job_id": v.job_id, "name": v.name, "value": v.value} for v in writes.variables]),
        writes.sent,
        CLAIM,
        [message.queue for message in writes.messages],
        [message.message_id for message in writes.messages],
        [message.priority for message in writes.messages],
        [message.body for message in writes.messages],
        _json([begun_task_row(task) for task in writes.begun_tasks]),
        _json(writes.feed),
        _json(writes.webhook_events),
    )
    return [OutboxRow(row["id"], messages[row["message_id"]]) for row in rows]


async def _add_needs(connection: Connection, writes: Writes) -> None:
    edges = [
        (job.id, *edge) for job, _, _, graph in writes.new_jobs if graph for edge in graph.edges()
    ]
    if edges:
        jobs, needed, positions = zip(*edges, strict=True)
        await connection.execute(ADD_NEEDS, list(jobs), list(needed), list(positions))


def _new_job_row(job: Job, new: NewJob, sealed: str | None) -> dict[str, object]:
    after = job.auto_delete_after
    return job_changes(job) | {
        "name": new.name,
        "description": new.description,
        "tags": list(new.tags),
        "created_by": new.created_by,
        "inputs": new.inputs,
        "sealed": sealed,
        "secret_names": sorted(new.secrets),
        "output": new.output,
        "defaults": new.defaults,
        "webhooks": list(new.webhooks),
        "task_count": job.task_count,
        "created_at": job.created_at,
        "auto_delete_seconds": after.total_seconds() if after else None,
        "timeout_seconds": job.timeout.total_seconds() if job.timeout else None,
        "is_graph": job.is_graph,
        "parent_job_id": new.parent_job_id,
        "parent_task_id": new.parent_task_id,
        "permissions": list(new.permissions),
        "readers": list(new.readers),
        "schedule_id": new.schedule_id,
    }


def _job_task_rows(new: NewJob, graph: NewGraph | None) -> list[dict[str, object]]:
    return [
        {
            "job_id": new.job.id,
            "position": position,
            "task": task,
            "waiting_for": graph.waiting_for[position] if graph else 0,
            "is_done": graph is not None and position in graph.done,
        }
        for position, task in enumerate(new.tasks, start=1)
    ]


# A NUL as JSON escapes it: an odd number of backslashes before `u0000`.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def _json(rows: list[dict[str, object]]) -> str:
    if not rows:
        return "[]"
    text = orjson.dumps(rows).decode()
    # JSON can carry a NUL in a text, Postgres can't keep one.
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text
