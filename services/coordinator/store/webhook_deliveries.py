"""What became of each delivery to a webhook: as the dispatchers have written it down.

A job's own are seen by who sees the job, an endpoint's by who sees the endpoint: see `Readers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.coordinator.store.rows import Page, PageRequest, Readers
from shared.postgres.pool import Connection, rows_touched
from shared.store.notices import CALLS_DUE, add_notices

CAP = 10_000
"""Up to here a list goes and a total is exact."""
LONGEST_BODY = 256 * 1024
MOST_FOUND = 5
_PORTION = 1000

_COLUMNS = """
d.id, d.job_id, d.version, d.webhook, d.endpoint_id, d.url, d.receiver, d.event, d.state,
d.attempts,
CASE WHEN d.state = 'PENDING' THEN d.next_at END AS next_at, d.created_at, d.ended_at,
a.at AS last_at, a.status, a.error, j.sealed
"""
_WITH_LAST = """
LEFT JOIN LATERAL (SELECT at, status, error FROM webhook_attempts
                   WHERE delivery_id = d.id ORDER BY id DESC LIMIT 1) a ON true
LEFT JOIN jobs j ON j.id = d.job_id
"""
_SEES_ENDPOINT = """
EXISTS (SELECT FROM webhook_endpoints e WHERE e.id = d.endpoint_id AND e.readers && {0})
"""

_OF_JOB = f"""
FROM webhook_deliveries d
WHERE d.job_id = $1 AND (d.endpoint_id IS NULL OR $2::text[] IS NULL
                         OR {_SEES_ENDPOINT.format("$2")})
  AND ($3::text IS NULL OR d.state = $3)
"""

# Walked backwards, newest first; what other endpoints are told of a job is little beside the rest.
OF_JOB = f"""
SELECT {_COLUMNS}
FROM (SELECT d.* {_OF_JOB} ORDER BY d.version DESC, d.id DESC LIMIT least($4, {CAP} - $5) OFFSET $5)
     AS d
{_WITH_LAST} ORDER BY d.version DESC, d.id DESC
"""  # noqa: S608 - conditions of our own
COUNT_OF_JOB = f"SELECT count(*) FROM (SELECT {_OF_JOB} LIMIT {CAP}) AS found"  # noqa: S608 - as above

_OF_ENDPOINT = "FROM webhook_deliveries d WHERE d.endpoint_id = $1"
_IN_STATE = "AND d.state = $2"


def _page_of_endpoint(condition: str, size: str, offset: str) -> str:
    return f"""
SELECT {_COLUMNS}
FROM (SELECT d.* {_OF_ENDPOINT} {condition}
      ORDER BY d.created_at DESC LIMIT least({size}, {CAP} - {offset}) OFFSET {offset}) AS d
{_WITH_LAST} ORDER BY d.created_at DESC
"""  # noqa: S608 - conditions of our own


# Each has an index of its own.
OF_ENDPOINT = _page_of_endpoint("", "$2", "$3")
OF_ENDPOINT_IN_STATE = _page_of_endpoint(_IN_STATE, "$3", "$4")
COUNT_OF_ENDPOINT = f"SELECT count(*) FROM (SELECT {_OF_ENDPOINT} LIMIT {CAP}) AS found"  # noqa: S608 - as above
COUNT_OF_ENDPOINT_IN_STATE = f"""
SELECT count(*) FROM (SELECT {_OF_ENDPOINT} {_IN_STATE} LIMIT {CAP}) AS found
"""  # noqa: S608 - as above

_SEEN = f"""
($2::text[] IS NULL
 OR CASE WHEN d.endpoint_id IS NULL THEN j.readers = '{{}}' OR j.readers && $2
         ELSE {_SEES_ENDPOINT.format("$2")} END)
"""

# Ids are hexadecimal: `zz` comes after all that can follow the beginning.
BEGINNING = f"""
SELECT d.id FROM webhook_deliveries d LEFT JOIN jobs j ON j.id = d.job_id
WHERE d.id >= $1 AND d.id < $1 || 'zz' AND starts_with(d.id, $1) AND {_SEEN}
ORDER BY d.id LIMIT {MOST_FOUND} + 1
"""  # noqa: S608 - conditions and numbers of our own

ONE = f"""
SELECT {_COLUMNS},
       CASE WHEN octet_length(d.body) <= {LONGEST_BODY} THEN convert_from(d.body, 'UTF8') END
       AS body
FROM webhook_deliveries d {_WITH_LAST}
WHERE d.id = $1 AND {_SEEN}
"""  # noqa: S608 - conditions of our own

ATTEMPTS = f"""
SELECT number, at, duration_ms, status, error, answer, request_headers, answer_headers
FROM webhook_attempts WHERE delivery_id = $1 ORDER BY id DESC LIMIT {_PORTION}
"""  # noqa: S608 - a number of our own

# All its repetitions are ahead of it again. What comes of a call that is under way counts only if
# the receiver took it. An endpoint may have another URL by now.
_ANEW = """
UPDATE webhook_deliveries d SET
    state = 'PENDING', next_at = clock_timestamp(), ended_at = NULL, attempts_before = attempts,
    url = coalesce((SELECT e.url FROM webhook_endpoints e WHERE e.id = d.endpoint_id), url),
    receiver = coalesce((SELECT e.receiver FROM webhook_endpoints e WHERE e.id = d.endpoint_id),
                        receiver)
"""
RESEND = f"{_ANEW} WHERE d.id = $1"

RESEND_SOME = f"""
{_ANEW}
WHERE d.id = ANY(ARRAY(
    SELECT id FROM webhook_deliveries
    WHERE endpoint_id = $1 AND state = 'FAILED' AND ended_at >= $2
    ORDER BY created_at LIMIT {_PORTION} FOR UPDATE SKIP LOCKED))
"""  # noqa: S608 - a number of our own

COUNT_FAILED = f"""
SELECT count(*) FROM (
    SELECT FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'FAILED' AND ended_at >= $2
    LIMIT {CAP}) AS failed
"""  # noqa: S608 - a number of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """`webhook` is the place in the job's list, if it isn't an endpoint's. `last_at`, `status` and
    `error` are of the last attempt, `sealed` the job's. `body` is kept sealed if that holds
    secrets; None also where it is over `LONGEST_BODY`."""

    id: str
    job_id: str
    version: int
    webhook: int
    endpoint_id: str | None
    url: str
    receiver: str
    event: str
    state: str
    attempts: int
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    last_at: datetime | None
    status: int | None
    error: str | None
    sealed: str | None
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """`status` is None where there was no answer, `error` where the receiver took it; `answer` is
    the head of its body. Headers are None where nothing was sent, or before they were kept."""

    number: int
    at: datetime
    duration_ms: float
    status: int | None
    error: str | None
    answer: str | None
    request_headers: dict[str, str] | None
    answer_headers: dict[str, str] | None


async def of_job(
    connection: Connection,
    job_id: str,
    readers: Readers,
    state: str | None,
    request: PageRequest,
) -> Page[DeliveryRow]:
    """The newest change first; of endpoints only those that `readers` may see."""
    asked = job_id, readers, state
    return await _page(connection, (OF_JOB, *asked), (COUNT_OF_JOB, *asked), request)


async def of_endpoint(
    connection: Connection, endpoint_id: str, state: str | None, request: PageRequest
) -> Page[DeliveryRow]:
    """Newest first."""
    if state is None:
        asked: tuple[str, ...] = (endpoint_id,)
        statements = OF_ENDPOINT, COUNT_OF_ENDPOINT
    else:
        asked = endpoint_id, state
        statements = OF_ENDPOINT_IN_STATE, COUNT_OF_ENDPOINT_IN_STATE
    page, count = ((statement, *asked) for statement in statements)
    return await _page(connection, page, count, request)


async def _page(
    connection: Connection,
    page: tuple[object, ...],
    count: tuple[object, ...],
    request: PageRequest,
) -> Page[DeliveryRow]:
    rows = await connection.fetch(*page, request.size, min(request.offset, CAP))
    total = await connection.fetchval(*count)
    return Page(request, [DeliveryRow(**row) for row in rows], total)


async def one(connection: Connection, delivery_id: str, readers: Readers) -> DeliveryRow | None:
    row = await connection.fetchrow(ONE, delivery_id, readers)
    return DeliveryRow(**row) if row else None


async def beginning(connection: Connection, text: str, readers: Readers) -> Sequence[str]:
    """The ids that begin with `text`, one more than `MOST_FOUND` at most."""
    return [row["id"] for row in await connection.fetch(BEGINNING, text, readers)]


async def attempts(connection: Connection, delivery_id: str) -> Sequence[AttemptRow]:
    """Newest first."""
    return [AttemptRow(**row) for row in await connection.fetch(ATTEMPTS, delivery_id)]


async def resend(connection: Connection, delivery_id: str) -> bool:
    """It is due now. False: there is none."""
    async with connection.transaction():
        found = rows_touched(await connection.execute(RESEND, delivery_id)) == 1
        await add_notices(connection, [CALLS_DUE] if found else [])
    return found


async def resend_failed(connection: Connection, endpoint_id: str, since: datetime) -> int:
    """Those that have failed since then are due now, `CAP` at most; how many."""
    resent = 0
    while resent < CAP:
        some = rows_touched(await connection.execute(RESEND_SOME, endpoint_id, since))
        resent += some
        if some < _PORTION:
            break
    await add_notices(connection, [CALLS_DUE] if resent else [])
    return resent


async def count_failed(connection: Connection, endpoint_id: str, since: datetime) -> int:
    """Since then; up to `CAP`."""
    count: int = await connection.fetchval(COUNT_FAILED, endpoint_id, since)
    return count
