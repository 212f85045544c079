"""The versions of what was submitted as a job, of which its row has the last; and what jobs of
other languages are called."""

from collections.abc import Mapping
from contextlib import suppress

from shared.definition import (
    Encoded,
    TaskDefinition,
    changed,
    decode_defaults,
    decode_task,
    encode,
    encode_all,
)
from shared.lifecycle import Job
from shared.planning.new_job import NamedDocument, NewJob
from shared.planning.updating import StoredTask, StoredVersion
from shared.postgres.pool import Connection
from shared.process.sealing import Sealer, SealingError
from shared.store.rows import new_job_row, submitted_row

# A name that another transaction is just giving is waited for. In order, so that two of these can't
# lock each other out.
STORE_NAMES = """
INSERT INTO job_identities (job_id, namespace, name, labels, language)
SELECT job_id, namespace, name, labels, language
FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[])
     AS n(job_id, namespace, name, labels, language)
ORDER BY namespace, name
ON CONFLICT DO NOTHING
RETURNING job_id
"""

FORGET_NAMES = "DELETE FROM job_identities WHERE job_id = ANY($1::text[])"

# A draft that names permissions is shared anew; else, and once it has begun, all stay who see it.
UPDATE_JOBS = """
UPDATE jobs j SET
    permissions = CASE WHEN j.is_held AND r.permissions <> '[]' THEN r.permissions
                       ELSE j.permissions END,
    readers = CASE WHEN j.is_held AND r.permissions <> '[]' THEN r.readers ELSE j.readers END,
    name = r.name, description = r.description, tags = r.tags, inputs = r.inputs,
    uploads = r.uploads, secret_names = r.secret_names, sealed = r.sealed, output = r.output,
    defaults = r.defaults, webhooks = r.webhooks, timeout = r.timeout, is_graph = r.is_graph,
    start_at = r.start_at, must_end_at = r.must_end_at,
    auto_delete_after = r.auto_delete_after, keeps_files = j.keeps_files OR r.keeps_files,
    task_count = r.task_count, position = least(j.position, r.task_count),
    search = job_search(r.name, r.description, r.tags)
FROM json_to_recordset($1::text::json) AS r(
    id text, name text, description text, tags text[], inputs jsonb, uploads jsonb,
    secret_names text[], sealed text, output text, defaults jsonb, webhooks jsonb,
    timeout interval, start_at timestamptz, must_end_at timestamptz,
    is_graph boolean, auto_delete_after interval, keeps_files boolean,
    task_count int, permissions jsonb, readers text[])
WHERE j.id = r.id
"""

LABEL = """
UPDATE job_identities i SET labels = r.labels
FROM unnest($1::text[], $2::jsonb[]) AS r(job_id, labels) WHERE i.job_id = r.job_id
"""

FORGET_TASKS = """
WITH needs AS (DELETE FROM job_needs WHERE job_id = ANY($1::text[]))
DELETE FROM job_tasks WHERE job_id = ANY($1::text[])
"""

# What the tasks of the job have left to one another.
FORGET_RUN = """
WITH variables AS (DELETE FROM job_variables WHERE job_id = $1), kept AS (
    DELETE FROM artifacts WHERE job_id = $1 RETURNING task_id
)
SELECT DISTINCT task_id FROM kept
"""

STORED_JOB = "SELECT inputs, uploads, defaults, output, sealed FROM jobs WHERE id = $1"

STORED_TASKS = """
SELECT t.position, t.task, t.is_done, EXISTS (
    SELECT FROM tasks x
    WHERE x.job_id = t.job_id AND x.position = t.position AND x.parent_id IS NULL
      AND x.state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')) AS is_live
FROM job_tasks t WHERE t.job_id = $1
"""


async def load_version(connection: Connection, sealer: Sealer, job_id: str) -> StoredVersion | None:
    """What the job is made from; None of one that has no row."""
    job = await connection.fetchrow(STORED_JOB, job_id)
    if job is None:
        return None
    secrets: Mapping[str, str] | None = None
    with suppress(SealingError):  # then nothing is known to be the same
        secrets = sealer.secrets_in(job["sealed"])
    return StoredVersion(
        tasks={
            row["position"]: StoredTask(
                task=_opened(sealer, row["task"]), is_done=row["is_done"], is_live=row["is_live"]
            )
            for row in await connection.fetch(STORED_TASKS, job_id)
        },
        inputs=job["inputs"],
        uploads=job["uploads"],
        defaults=decode_defaults(job["defaults"]),
        output=job["output"],
        secrets=secrets,
    )


def _opened(sealer: Sealer, task: Encoded) -> TaskDefinition | None:
    try:
        return decode_task(sealer.opened(task))
    except SealingError:
        return None


async def store_names(connection: Connection, named: Mapping[str, NamedDocument]) -> set[str]:
    """Those of the ids whose name another job has, and which must not be made.

    `named` is by the id of the job that is made in this transaction.
    """
    if not named:
        return set()
    rows = await connection.fetch(
        STORE_NAMES,
        list(named),
        [one.namespace for one in named.values()],
        [one.name for one in named.values()],
        [dict(one.labels) for one in named.values()],
        [one.language for one in named.values()],
    )
    return named.keys() - {row["job_id"] for row in rows}


async def forget_names(connection: Connection, job_ids: list[str]) -> None:
    """Of jobs that are not made after all."""
    await connection.execute(FORGET_NAMES, job_ids)


async def label(connection: Connection, named: Mapping[str, NamedDocument]) -> None:
    """What a new version of the jobs with these ids has for labels."""
    labels = [dict(one.labels) for one in named.values()]
    await connection.execute(LABEL, list(named), labels)


async def forget_run(connection: Connection, job_id: str) -> list[str]:
    """The job begins anew: the ids of the attempts that had kept something."""
    return [row["task_id"] for row in await connection.fetch(FORGET_RUN, job_id)]


def job_update(job: Job, new: NewJob, sealed: str | None) -> dict[str, object]:
    """For `UPDATE_JOBS`."""
    return new_job_row(job) | submitted_row(new) | {"sealed": sealed}


def version_row(job: Job, new: NewJob, sealed: str | None) -> dict[str, object]:
    """What it takes to make the same job again: nothing of it is secret but in `sealed`."""
    tasks = new.tasks or encode_all(new.definition.tasks)
    definition = encode(changed(new.definition, tasks=(), secrets={}))
    return {
        "job_id": job.id,
        "version": job.spec_version,
        "definition": {**definition, "tasks": tasks},
        "sealed": sealed,
        "document": new.named.document if new.named else None,
        "reason": new.reason,
        "created_by": new.created_by,
    }
