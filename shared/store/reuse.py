"""Jobs that do the same work: found by their fingerprints, one submission after the other."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from shared.lifecycle import JobState
from shared.planning.new_job import NewJob
from shared.planning.reuse import Candidate, Verdict, WantedReuse, choose, nearest
from shared.postgres.pool import PLAN_ONCE_HERE, Connection, rows_touched
from shared.store import submissions
from shared.store.missed_tasks import MissedTask, NearTask, nearest_tasks
from shared.store.reused_tasks import DoneTask, WantedTask, reusable_tasks
from shared.store.submissions import MOST_CANDIDATES, NO_OWNER, alike

_MOST_NEAR = 20
_MOST_DECISIONS = 20

# In order, so that two of these can't lock each other out. Who waits here sees the job that the one
# before it has made.
LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('reuse ' || f, 0))
FROM (SELECT DISTINCT f FROM unnest($1::text[]) AS f ORDER BY f) AS alike
"""

# Of very many that may be the answer, the oldest is; the newest are young enough where the oldest
# are too old. Of all others, the newest, to tell why they are none. $3: of this owner only.
_MAY_BE = "NOT f.is_out AND ($3::text IS NULL OR f.owner = $3)"
_LOOKED_AT = " UNION ".join(
    f"""
    (SELECT one.id AS job_id
     FROM unnest($1::text[]) AS d(digest), LATERAL ({alike("$2::text[]", which, order)}) AS one
     ORDER BY one.created_at {order} LIMIT {MOST_CANDIDATES})"""  # noqa: S608 - texts of our own
    for which, order in ((_MAY_BE, "ASC"), (_MAY_BE, "DESC"), ("true", "DESC"))
)

# What is sealed is another text each time.
CANDIDATES = f"""
WITH looked_at AS MATERIALIZED ({_LOOKED_AT})
SELECT j.id AS job_id, j.state, j.created_by AS owner, j.created_at, j.completed_at, j.progress,
       f.chance <> '{{}}' AS is_chance, f.banned_at IS NOT NULL AS is_banned,
       j.is_held OR j.is_cancelling OR (j.state = 'PENDING' AND j.due_at IS NOT NULL) AS is_idle,
       j.kept_bytes, kept.bytes AS left_bytes, jsonb_array_length(j.webhooks) + (
           SELECT coalesce(sum(jsonb_array_length(s.webhooks)), 0) FROM job_submissions s
           WHERE s.job_id = j.id AND s.detached_at IS NULL)::int AS webhooks, EXISTS (
           SELECT FROM tasks t JOIN image_digests i ON i.name = t.definition ->> 'image'
           WHERE t.job_id = j.id AND t.image_digest <> i.digest) AS is_outdated,
       md5(CASE WHEN j.result LIKE 'sealed:%' THEN '' ELSE coalesce(j.result, '') END || kept.sums)
           AS output
FROM looked_at JOIN job_fingerprints f USING (job_id) JOIN jobs j ON j.id = f.job_id,
LATERAL (
    SELECT coalesce(sum(a.size), 0)::bigint AS bytes,
           coalesce(string_agg(concat_ws(' ', t.position, t.child_index, a.name, a.sha256), ','
                               ORDER BY t.position, t.child_index, a.name), '') AS sums
    FROM artifacts a JOIN tasks t ON t.id = a.task_id
    WHERE a.job_id = j.id AND j.state = 'COMPLETED') AS kept
ORDER BY j.created_at
"""  # noqa: S608 - texts of our own

# One that is being deleted is waited for, and then not there.
KEPT_CANDIDATES = f"{CANDIDATES} FOR KEY SHARE OF j"

NEAR = f"""
SELECT f.job_id, f.parts FROM job_fingerprints f
WHERE f.owner = $1 AND f.fingerprint <> $2 ORDER BY f.created_at DESC LIMIT {_MOST_NEAR}
"""  # noqa: S608 - a number of our own

STORE_FINGERPRINT = """
INSERT INTO job_fingerprints (job_id, fingerprint, owner, chance, parts)
VALUES ($1, $2, $3, $4, $5)
"""

STORE_DECISION = """
INSERT INTO reuse_decisions (job_id, is_reused, steps, nearest, created_by, submission_id)
VALUES ($1, $2, $3, $4, $5, $6)
"""

FORGET_DECISIONS = f"""
DELETE FROM reuse_decisions WHERE job_id = $1 AND id <= (
    SELECT id FROM reuse_decisions WHERE job_id = $1
    ORDER BY id DESC OFFSET {_MOST_DECISIONS} LIMIT 1)
"""  # noqa: S608 - a number of our own

BAN = """
UPDATE job_fingerprints SET banned_at = coalesce(banned_at, now()),
                            banned_by = CASE WHEN banned_at IS NULL THEN $2 ELSE banned_by END
WHERE job_id = $1
"""

FINGERPRINT = """
SELECT fingerprint, chance, banned_at, shown_user(banned_by) AS banned_by FROM job_fingerprints
WHERE job_id = $1
"""

DECISIONS = """
SELECT d.created_at, shown_user(d.created_by) AS created_by, d.is_reused, d.steps, d.nearest,
       d.submission_id, s.detached_at
FROM reuse_decisions d
LEFT JOIN job_submissions s ON s.job_id = d.job_id AND s.id = d.submission_id
WHERE d.job_id = $1 ORDER BY d.id DESC
"""

CHECKSUMS = "SELECT id, sha256 FROM uploads WHERE id = ANY($1::text[])"


class Decision(NamedTuple):
    """Of a submission that a job was the answer to."""

    created_at: datetime
    created_by: Any
    is_reused: bool
    steps: Sequence[Mapping[str, Any]]
    nearest: Mapping[str, Any] | None
    submission_id: str | None
    detached_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReuseRow:
    """What is kept of a job that was submitted with `reuse`; its decisions newest first."""

    fingerprint: str
    chance: Sequence[str]
    banned_at: datetime | None
    banned_by: Any
    decisions: Sequence[Decision]


async def lock_alike(connection: Connection, wanted: Sequence[WantedReuse]) -> None:
    """Until the transaction ends nobody else looks for what is like these."""
    digests = [[each.fingerprint.digest, *each.digests] for each in wanted]
    await connection.execute(LOCK, list(chain.from_iterable(digests)))


async def check(connection: Connection, wanted: WantedReuse, now: datetime) -> Verdict:
    """What a submission would be answered with now."""
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_ONCE_HERE)  # its plan takes longer than the statement
        return await _judge(connection, CANDIDATES, wanted, now)


async def judge(connection: Connection, wanted: WantedReuse, now: datetime) -> Verdict:
    """What a submission is answered with, which is not deleted before the transaction ends."""
    return await _judge(connection, KEPT_CANDIDATES, wanted, now)


async def _judge(
    connection: Connection, statement: str, wanted: WantedReuse, now: datetime
) -> Verdict:
    digest = wanted.fingerprint.digest
    of_owner = (wanted.owner or NO_OWNER) if wanted.rules.scope == "own" else None
    rows = await connection.fetch(statement, wanted.digests, wanted.readers, of_owner)
    candidates = [Candidate(**{**row, "state": JobState(row["state"])}) for row in rows]
    verdict = choose(wanted, candidates, now)
    if verdict.job_id is not None or candidates:
        return verdict
    near = await connection.fetch(NEAR, wanted.owner or NO_OWNER, digest)
    others = [(row["job_id"], row["parts"]) for row in near]
    return Verdict(None, verdict.steps, nearest(wanted.fingerprint.parts, others))


async def store_verdict(connection: Connection, new: NewJob, verdict: Verdict) -> None:
    """Beside the job that the submission `new` is answered with; a new one gets its fingerprint."""
    wanted = new.reuse
    assert wanted is not None  # noqa: S101 - else nothing was judged
    if verdict.job_id is None:
        await connection.execute(
            STORE_FINGERPRINT,
            new.job.id,
            wanted.fingerprint.digest,
            wanted.owner or NO_OWNER,
            list(wanted.chance),
            dict(wanted.fingerprint.parts),
        )
        await submissions.store_first(connection, new)
    job_id = verdict.job_id or new.job.id
    steps, near = [asdict(step) for step in verdict.steps], verdict.nearest
    shown = asdict(near) if near else None
    is_reused, id_ = verdict.job_id is not None, new.submission_id
    await connection.execute(STORE_DECISION, job_id, is_reused, steps, shown, wanted.owner, id_)
    await connection.execute(FORGET_DECISIONS, job_id)


async def ban(connection: Connection, job_id: str, by: str | None) -> bool:
    """No submission is answered with the job any more. False: it was submitted without `reuse`."""
    return rows_touched(await connection.execute(BAN, job_id, by)) == 1


async def reuse_of(connection: Connection, job_id: str) -> ReuseRow | None:
    """None: it was submitted without `reuse`."""
    row = await connection.fetchrow(FINGERPRINT, job_id)
    if row is None:
        return None
    decisions = [Decision(*each) for each in await connection.fetch(DECISIONS, job_id)]
    return ReuseRow(**row, decisions=decisions)


async def checksums(connection: Connection, uploads: Mapping[str, str]) -> dict[str, str]:
    """Of uploads, whose ids are given by name, by the same names."""
    rows = await connection.fetch(CHECKSUMS, list(uploads.values())) if uploads else []
    known = {row["id"]: row["sha256"] for row in rows}
    return {name: known[id_] for name, id_ in uploads.items() if id_ in known}


class ReuseRows:
    """Of `TransactionRows`: those of reuse."""

    _connection: Connection

    async def lock_alike(self, wanted: Sequence[WantedReuse]) -> list[str]:
        await lock_alike(self._connection, wanted)
        return await submissions.joinable(self._connection, wanted)

    async def judge(self, wanted: WantedReuse, now: datetime) -> Verdict:
        return await judge(self._connection, wanted, now)

    async def store_verdict(self, new: NewJob, verdict: Verdict) -> None:
        await store_verdict(self._connection, new, verdict)

    async def join(self, job_id: str, new: NewJob, sealed: str | None) -> None:
        await submissions.join(self._connection, job_id, new, sealed)

    async def add_end_event(self, job_id: str, new: NewJob, sealed: str | None) -> None:
        await submissions.add_end_event(self._connection, job_id, new, sealed)

    async def withdraw(self, job_id: str, submission_id: str) -> bool:
        return await submissions.withdraw(self._connection, job_id, submission_id)

    async def reusable_tasks(self, wanted: Collection[WantedTask]) -> dict[WantedTask, DoneTask]:
        return await reusable_tasks(self._connection, wanted)

    async def nearest_tasks(self, missed: Collection[MissedTask]) -> dict[str, NearTask]:
        return await nearest_tasks(self._connection, missed)
