"""Deleting what nobody needs any more, a little at a time."""

from datetime import timedelta

from shared.postgres.pool import Connection, rows_touched
from shared.store.object_removals import OF_DELETED_JOBS

LIMIT = 50  # jobs with logs of many megabytes among them must go within a statement's time

# Deleting a job takes its tasks, their logs and its context along; its events and what was sent to
# webhooks know of no job.
# A sub-job stays until the task that waits for it has heard how it ended, and any job until its
# webhooks and endpoints are told: what they are told is made of its row.
# An array, because `IN` may be planned as a join that asks again for each row, and skips each time
# what it has locked before: more than the limit would be deleted.
EXPIRED_JOBS = f"""
WITH deleted AS (
    DELETE FROM jobs WHERE id = ANY(ARRAY(
        SELECT id FROM jobs j WHERE delete_at < now()
          AND NOT EXISTS (SELECT FROM tasks t WHERE t.id = j.parent_task_id
                          AND t.state = 'RUNNING' AND t.dispatch = j.parent_dispatch)
          AND NOT EXISTS (SELECT FROM webhook_events e WHERE e.job_id = j.id)
          AND NOT EXISTS (SELECT FROM webhook_deliveries d
                          WHERE d.job_id = j.id AND d.state = 'PENDING')
          AND NOT EXISTS (SELECT FROM job_events e JOIN feed_cursors c
                          ON c.name = 'webhook endpoints' AND (e.txid, e.seq) > (c.txid, c.seq)
                          WHERE e.job_id = j.id AND EXISTS (
                              SELECT FROM webhook_endpoints WHERE disabled_at IS NULL))
        ORDER BY delete_at LIMIT {LIMIT} FOR UPDATE SKIP LOCKED))
    RETURNING id, keeps_files
), events AS (
    DELETE FROM job_events WHERE job_id IN (SELECT id FROM deleted)
), deliveries AS (
    DELETE FROM webhook_deliveries WHERE job_id IN (SELECT id FROM deleted)
), {OF_DELETED_JOBS}
SELECT count(*) FROM deleted
"""  # noqa: S608 - a number of our own

_OLDEST = f"""
        ORDER BY created_at LIMIT {LIMIT} FOR UPDATE SKIP LOCKED))
    RETURNING id, keeps_files
), events AS (
    DELETE FROM job_events WHERE job_id IN (SELECT id FROM deleted)
), deliveries AS (
    DELETE FROM webhook_deliveries WHERE job_id IN (SELECT id FROM deleted)
), {OF_DELETED_JOBS}
SELECT count(*) FROM deleted
"""  # noqa: S608 - a number of our own

OLD_JOBS = f"""
WITH deleted AS (
    DELETE FROM jobs WHERE id = ANY(ARRAY(
        SELECT id FROM jobs
        WHERE state = ANY('{{COMPLETED,FAILED,CANCELLED}}')
          AND created_at < now() - $1::interval {_OLDEST}
"""  # noqa: S608 - a text of our own

OLD_DRAFTS = f"""
WITH deleted AS (
    DELETE FROM jobs WHERE id = ANY(ARRAY(
        SELECT id FROM jobs WHERE is_held AND created_at < now() - $1::interval {_OLDEST}
"""  # noqa: S608 - a text of our own

OLD_DRAFT_REQUESTS = """
DELETE FROM container_requests WHERE id = ANY(ARRAY(
    SELECT id FROM container_requests
    WHERE job_id IS NULL AND modified_at < now() - $1::interval LIMIT 5000))
"""

OLD_LOG_PARTS = """
DELETE FROM task_log_parts WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM task_log_parts WHERE created_at < now() - $1::interval LIMIT 5000))
"""

OLD_IMAGES = "DELETE FROM image_digests WHERE seen_at < now() - $1::interval"

OLD_EVENTS = """
DELETE FROM job_events WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM job_events WHERE at < now() - $1::interval LIMIT 5000))
"""

# Their attempts go along.
OLD_DELIVERIES = """
DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
    SELECT id FROM webhook_deliveries WHERE ended_at < now() - $1::interval
    ORDER BY ended_at LIMIT 2000))
"""

OLD_IDEMPOTENCY_KEYS = """
DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE created_at < now() - $1::interval LIMIT 5000))
"""

OLD_CLUSTER_SAMPLES = "DELETE FROM cluster_samples WHERE at < now() - $1::interval"
OLD_QUEUE_SAMPLES = """
DELETE FROM queue_samples WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM queue_samples WHERE at < now() - $1::interval ORDER BY at LIMIT 5000))
"""

ENDED_SESSIONS = """
DELETE FROM sessions WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM sessions WHERE ends_at < now() LIMIT 5000))
"""


async def delete_expired_jobs(connection: Connection) -> int:
    """Delete jobs whose autoDelete time has come; how many."""
    count: int = await connection.fetchval(EXPIRED_JOBS)
    return count


async def delete_old_jobs(connection: Connection, age: timedelta) -> int:
    """And the digests of images that only such jobs have run."""
    count: int = await connection.fetchval(OLD_JOBS, age)
    await connection.execute(OLD_IMAGES, age)
    return count


async def delete_drafts(connection: Connection, age: timedelta) -> int:
    """Held jobs that nobody has released, and requests for containers that nobody has committed."""
    count: int = await connection.fetchval(OLD_DRAFTS, age)
    return count + rows_touched(await connection.execute(OLD_DRAFT_REQUESTS, age))


async def delete_old_log_parts(connection: Connection, age: timedelta) -> int:
    return rows_touched(await connection.execute(OLD_LOG_PARTS, age))


async def delete_old_events(connection: Connection, age: timedelta) -> int:
    return rows_touched(await connection.execute(OLD_EVENTS, age))


async def delete_old_deliveries(connection: Connection, age: timedelta) -> int:
    return rows_touched(await connection.execute(OLD_DELIVERIES, age))


async def delete_old_idempotency_keys(connection: Connection, age: timedelta) -> int:
    return rows_touched(await connection.execute(OLD_IDEMPOTENCY_KEYS, age))


async def delete_old_samples(connection: Connection, age: timedelta) -> int:
    """Of the cluster and of queues; how many of the latter."""
    await connection.execute(OLD_CLUSTER_SAMPLES, age)
    return rows_touched(await connection.execute(OLD_QUEUE_SAMPLES, age))


async def delete_ended_sessions(connection: Connection) -> int:
    return rows_touched(await connection.execute(ENDED_SESSIONS))
