"""What has made the files of a job, and what was used for it: rows of the job and its sub-jobs.

The name of an object that a task has kept holds its job and its attempt, so that who made it is
known when its rows are gone: see `shared.files.names`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.coordinator.store.rows import Readers
from shared.files.names import UPLOADS
from shared.postgres.pool import Connection

MOST_ATTEMPTS = 10_000
"""With their files; a job with more is told as far as these."""

JOBS = """
WITH RECURSIVE family AS (
    SELECT $1::text AS id
    UNION
    SELECT t.subjob_id FROM family f JOIN tasks t ON t.job_id = f.id WHERE t.subjob_id IS NOT NULL
)
SELECT id, name, state, created_at, run_started_at,
       coalesce(completed_at, failed_at, cancelled_at) AS ended_at,
       shown_user(created_by) ->> 'username' AS username, parent_task_id, sealed, schedule_id,
       template, client, key_name
FROM family JOIN jobs USING (id)
"""

# Only what has run has used and made something.
ATTEMPTS = """
SELECT t.id, t.job_id, t.parent_id, t.name, t.state, t.attempt, t.child_index, t.started_at,
       coalesce(t.completed_at, t.failed_at) AS ended_at, t.exit_code, t.node_id,
       n.name AS node_name, t.definition ->> 'image' AS image, t.image_digest,
       t.definition -> 'sources' AS sources
FROM tasks t LEFT JOIN nodes n ON n.id = t.node_id
WHERE t.job_id = ANY($1::text[]) AND t.started_at IS NOT NULL AND t.kind = 'task'
ORDER BY t.job_id <> $2, t.position, t.created_at, t.child_index, t.attempt LIMIT $3
"""

ARTIFACTS = """
SELECT job_id, task_id, name, object, file_name, size, sha256, files, published, created_at
FROM artifacts WHERE task_id = ANY($1::text[]) ORDER BY created_at, object
"""

UPLOADED = """
SELECT object, id, name, size, sha256, created_at,
       shown_user(created_by) ->> 'username' AS username
FROM uploads WHERE object = ANY($1::text[])
"""

MAKERS = """
SELECT t.id, t.job_id, t.name, t.started_at, coalesce(t.completed_at, t.failed_at) AS ended_at,
       j.name AS job_name, j.sealed
FROM tasks t JOIN jobs j ON j.id = t.job_id
WHERE t.id = ANY($1::text[]) AND ($2::text[] IS NULL OR j.readers = '{}' OR j.readers && $2)
"""


class JobRow(NamedTuple):
    """`run_started_at` is None until a task has begun."""

    id: str
    name: str
    state: str
    created_at: datetime
    run_started_at: datetime | None
    ended_at: datetime | None
    username: str | None
    parent_task_id: str | None
    sealed: str | None
    schedule_id: str | None
    template: str | None
    client: str | None
    key_name: str | None


class AttemptRow(NamedTuple):
    """`sources` as the definition has them: what they stand for is in `taken` or `children`."""

    id: str
    job_id: str
    parent_id: str | None
    name: str
    state: str
    attempt: int
    child_index: int | None
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    node_id: str | None
    node_name: str | None
    image: str | None
    image_digest: str | None
    sources: Sequence[Mapping[str, Any]] | None


class FileRow(NamedTuple):
    """`files` is None of a single file."""

    job_id: str
    task_id: str
    name: str
    object: str
    file_name: str
    size: int
    sha256: str
    files: int | None
    published: Sequence[str]
    created_at: datetime


class UploadRow(NamedTuple):
    object: str
    id: str
    name: str
    size: int
    sha256: str
    created_at: datetime
    username: str | None


class MakerRow(NamedTuple):
    """An attempt of another job, something of which was used."""

    id: str
    job_id: str
    name: str
    started_at: datetime | None
    ended_at: datetime | None
    job_name: str
    sealed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The job first. `is_complete`: there are no more attempts."""

    jobs: Sequence[JobRow]
    attempts: Sequence[AttemptRow]
    files: Sequence[FileRow]
    uploads: Sequence[UploadRow]
    makers: Sequence[MakerRow]
    is_complete: bool


def taken_by(sources: Sequence[Mapping[str, Any]] | None) -> Iterator[Mapping[str, Any]]:
    """The artifacts and uploads that a definition's sources stand for."""
    for source in sources or ():
        if taken := source.get("taken"):
            yield taken
        for child in source.get("children") or ():
            if artifact := child.get("artifact"):
                yield artifact


def maker_of(name: str) -> str | None:
    """The attempt that has made an object; None for an upload."""
    if name.startswith(UPLOADS):
        return None
    _, task_id, *_ = name.split("/")
    return task_id


async def history(connection: Connection, job_id: str, readers: Readers) -> History:
    """Of what other jobs have made, those for `readers` are told."""
    jobs = [JobRow._make(row) for row in await connection.fetch(JOBS, job_id)]
    jobs.sort(key=lambda job: job.id != job_id)
    ids = [job.id for job in jobs]
    found = await connection.fetch(ATTEMPTS, ids, job_id, MOST_ATTEMPTS + 1)
    attempts = [AttemptRow._make(row) for row in found[:MOST_ATTEMPTS]]
    own = [attempt.id for attempt in attempts]
    used = {taken["object"] for attempt in attempts for taken in taken_by(attempt.sources)}
    makers = {maker for name in used if (maker := maker_of(name))} - set(own)
    return History(
        jobs=jobs,
        attempts=attempts,
        files=[FileRow._make(row) for row in await connection.fetch(ARTIFACTS, own)],
        uploads=[UploadRow._make(row) for row in await connection.fetch(UPLOADED, [*used])],
        makers=[MakerRow._make(row) for row in await connection.fetch(MAKERS, [*makers], readers)],
        is_complete=len(found) <= MOST_ATTEMPTS,
    )
