"""The rows of deliveries: one for each call that a webhook is owed, kept when it has been made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from shared.postgres.pool import Connection

HAS_PHASES = """
(EXISTS (SELECT FROM job_identities i WHERE i.job_id = jobs.id AND i.language = 'bytenite')
 OR EXISTS (SELECT FROM tasks p
            WHERE p.id = jobs.parent_task_id AND p.definition ? 'partition')) AS has_phases
"""

JOBS_WITH_WEBHOOKS = f"""
SELECT id, name, description, tags, inputs, state, position, progress, created_at, started_at,
       task_count, webhooks, sealed, parent_task_id, shown_user(created_by) AS created_by,
       coalesce(created_by, '') AS owner,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron, schedule_at,
       CASE WHEN cancelled_by IS NOT NULL THEN shown_user(cancelled_by) END AS cancelled_by,
       cancel_reason, {HAS_PHASES},
       CASE WHEN is_joined THEN (
           SELECT jsonb_agg(jsonb_build_object('id', s.id, 'webhooks', s.webhooks,
                                               'sealed', s.sealed) ORDER BY s.created_at)
           FROM job_submissions s
           WHERE s.job_id = jobs.id AND s.webhooks <> '[]' AND s.detached_at IS NULL) END AS joined
FROM jobs WHERE id = ANY($1::text[])
"""  # noqa: S608 - a text of our own

# Some are taken by who adds them: see lines.TAKE.
ADD = """
INSERT INTO webhook_deliveries
    (id, job_id, version, webhook, url, body, event, receiver, owner, sealed,
     attempts, next_at, created_at)
SELECT id, job_id, version, webhook, url, body, event, receiver, owner, sealed, is_taken::int,
       clock_timestamp() + CASE WHEN is_taken THEN $1::interval ELSE '0' END, clock_timestamp()
FROM unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::bytea[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::bool[])
     AS d(id, job_id, version, webhook, url, body, event, receiver, owner, sealed, is_taken)
ON CONFLICT DO NOTHING
RETURNING id, attempts
"""

MOST_COUNTED = 10_000

# By an index; a count that ends somewhere. What has ended is due never.
OWED = f"""
SELECT count(*) FROM (
    SELECT FROM webhook_deliveries WHERE next_at < 'infinity'
    ORDER BY next_at LIMIT {MOST_COUNTED}) d
"""  # noqa: S608 - a number of our own


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a call to the endpoint `id` goes by: `retry_on` are statuses that are tried again.
    `headers` and `secrets` are sealed, as its row has them."""

    id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[Mapping[str, Any]] = ()
    retry_on: Collection[int] = ()
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """`id` is the same at each attempt; `attempts` counts this one, `attempts_before` those before
    it was last sent. `receiver` is called on behalf of `owner`. `sealed` is None where there is no
    more to send than the body, else see `requests`; `endpoint` for a job's own webhook."""

    id: str
    job_id: str
    version: int
    webhook: int
    url: str
    body: bytes
    event: str = ""
    receiver: str = ""
    owner: str = ""
    is_ordered: bool = False
    sealed: str | None = None
    attempts: int = 0
    attempts_before: int = 0
    endpoint: Endpoint | None = None


async def jobs_with_webhooks(
    connection: Connection, job_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    """`joined` are submissions with webhooks of their own, as `StoredEvent.only_submission`."""
    rows = await connection.fetch(JOBS_WITH_WEBHOOKS, list(job_ids))
    return {row["id"]: dict(row) for row in rows}


async def add(
    connection: Connection,
    deliveries: Sequence[Delivery],
    hold: timedelta = timedelta(),
    taken: Collection[str] = (),
) -> list[Delivery]:
    """Owe these calls; one that is known already stays as it is.

    Takes those whose ids are in `taken`, as `lines.take` would: they are returned.
    """
    rows = await connection.fetch(
        ADD,
        hold,
        [d.id for d in deliveries],
        [d.job_id for d in deliveries],
        [d.version for d in deliveries],
        [d.webhook for d in deliveries],
        [d.url for d in deliveries],
        [d.body for d in deliveries],
        [d.event for d in deliveries],
        [d.receiver for d in deliveries],
        [d.owner for d in deliveries],
        [d.sealed for d in deliveries],
        [d.id in taken for d in deliveries],
    )
    new = {row["id"] for row in rows if row["attempts"]}
    return [replace(d, attempts=1) for d in deliveries if d.id in new]


def delivery_of(
    *,
    endpoint_id: str | None,
    headers: dict[str, str],
    secrets: list[dict[str, Any]],
    retry_on: list[int],
    is_disabled: bool,
    **facts: Any,  # noqa: ANN401 - the columns, as they are
) -> Delivery:
    endpoint = None
    if endpoint_id is not None:
        endpoint = Endpoint(endpoint_id, headers, secrets, retry_on, is_disabled)
    return Delivery(**facts, endpoint=endpoint)


async def owed(connection: Connection) -> int:
    """How many calls are owed, `MOST_COUNTED` at most."""
    count: int = await connection.fetchval(OWED)
    return count
