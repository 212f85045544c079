"""The submissions that a job goes on for: those that join it, and those that are taken back."""

from collections.abc import Sequence

from shared.definition import Encoded, encode_all
from shared.lifecycle import JobState
from shared.planning.new_job import NewJob
from shared.planning.reuse import WantedReuse
from shared.postgres.pool import Connection

MOST_CANDIDATES = 20
"""Of those that may be the answer the oldest, as many of the newest, and as many of any."""
NO_OWNER = ""
"""In an index, of jobs that nobody in particular submits."""
_ACTIVE = [state.value for state in JobState if not state.is_final]


def alike(readers: str, which: str, order: str) -> str:
    """SQL: jobs of fingerprint `d.digest`, the first in this order of creation. `readers`, an
    array, may see them; NULL: all. One fingerprint, as in the index only its jobs are in order."""
    return f"""
        SELECT j.id, j.state, f.created_at FROM job_fingerprints f JOIN jobs j ON j.id = f.job_id
        WHERE f.fingerprint = d.digest AND {which}
          AND ({readers} IS NULL OR j.readers = '{{}}' OR j.readers && {readers})
          AND j.spec_version = 1  -- a later one does other work
          AND (j.delete_at IS NULL OR j.delete_at > now())
        ORDER BY f.created_at {order} LIMIT {MOST_CANDIDATES}"""  # noqa: S608 - texts of our own


# Without locks. Of those that `reuse.CANDIDATES` will look at: of very many it looks at no others.
_MAY_BE_JOINED = " UNION ".join(
    f"({alike('w.readers', 'NOT f.is_out AND f.owner = w.owner', order)})"
    for order in ("ASC", "DESC")
)
JOINABLE = f"""
SELECT DISTINCT one.id
FROM jsonb_to_recordset($1) AS w(digests text[], owner text, readers text[]),
unnest(w.digests) AS d(digest), LATERAL ({_MAY_BE_JOINED}) AS one
WHERE one.state = ANY($2::text[])
"""  # noqa: S608 - texts of our own

STORE_FIRST = "INSERT INTO job_submissions (job_id, id, is_first) VALUES ($1, $2, true)"

# One that is repeated with its id has joined already, unless it was taken back. A job of a version
# that stored no submissions goes on for the one that made it, too.
JOIN = """
WITH first AS (
    INSERT INTO job_submissions (job_id, id, is_first)
    SELECT $1, $1, true WHERE $1 <> $2
      AND NOT EXISTS (SELECT FROM job_submissions WHERE job_id = $1 AND is_first)
    ON CONFLICT DO NOTHING
), joined AS (
    INSERT INTO job_submissions (job_id, id, is_first, webhooks, sealed)
    VALUES ($1, $2, false, $3, $4)
    ON CONFLICT (job_id, id) DO UPDATE
    SET detached_at = NULL, webhooks = excluded.webhooks, sealed = excluded.sealed
    WHERE job_submissions.detached_at IS NOT NULL
    RETURNING job_id
)
UPDATE jobs SET is_joined = true FROM joined WHERE jobs.id = joined.job_id AND $3::jsonb <> '[]'
"""

# As the last change of a job that has completed, which is not told to those that were told before.
ADD_END_EVENT = """
INSERT INTO webhook_events (job_id, changes, only_submission)
SELECT id, jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
           'job_id', id, 'version', version, 'state', state, 'at', completed_at,
           'position', task_count + 1, 'progress', progress, 'result', result))),
       jsonb_build_object('id', $2::text, 'webhooks', $3::jsonb, 'sealed', $4::text)
FROM jobs WHERE id = $1
"""

# The last one stays: after a restart the job goes on for it.
WITHDRAW = """
WITH others AS (
    SELECT FROM job_submissions
    WHERE job_id = $1 AND id <> $2 AND detached_at IS NULL LIMIT 1
), withdrawn AS (
    UPDATE job_submissions SET detached_at = now()
    WHERE job_id = $1 AND id = $2 AND detached_at IS NULL AND EXISTS (SELECT FROM others)
    RETURNING is_first
), silenced AS (
    UPDATE jobs SET webhooks = '[]' WHERE id = $1 AND EXISTS (SELECT FROM withdrawn WHERE is_first)
)
SELECT EXISTS (SELECT FROM others)
"""

IS_KNOWN = "SELECT EXISTS (SELECT FROM job_submissions WHERE job_id = $1 AND id = $2)"


async def joinable(connection: Connection, wanted: Sequence[WantedReuse]) -> list[str]:
    """The jobs on their way that these may be answered with."""
    asked = [each for each in wanted if each.rules.takes_unfinished]
    if not asked:
        return []
    rows = await connection.fetch(JOINABLE, list(map(_looked_for, asked)), _ACTIVE)
    return [row["id"] for row in rows]


def _looked_for(wanted: WantedReuse) -> dict[str, object]:
    """As JOINABLE reads it."""
    readers = None if wanted.readers is None else list(wanted.readers)
    return {
        "digests": list(wanted.digests),
        "owner": wanted.owner or NO_OWNER,
        "readers": readers,
    }


async def store_first(connection: Connection, new: NewJob) -> None:
    await connection.execute(STORE_FIRST, new.job.id, new.submission_id)


async def join(connection: Connection, job_id: str, new: NewJob, sealed: str | None) -> None:
    """The job, which is locked, goes on for `new` too."""
    await connection.execute(JOIN, job_id, new.submission_id, _webhooks(new), sealed)


async def add_end_event(
    connection: Connection, job_id: str, new: NewJob, sealed: str | None
) -> None:
    """The job has completed: the webhooks of `new` hear of it."""
    await connection.execute(ADD_END_EVENT, job_id, new.submission_id, _webhooks(new), sealed)


async def withdraw(connection: Connection, job_id: str, submission_id: str) -> bool:
    """Whether the job, which is locked, goes on for others."""
    goes_on: bool = await connection.fetchval(WITHDRAW, job_id, submission_id)
    return goes_on


async def is_known(connection: Connection, job_id: str, submission_id: str) -> bool:
    known: bool = await connection.fetchval(IS_KNOWN, job_id, submission_id)
    return known


def _webhooks(new: NewJob) -> list[Encoded]:
    return encode_all(new.definition.webhooks)
