"""Jobs that clients of Bacalhau's API call by a name in a namespace, in its states."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.coordinator.store.rows import Readers
from shared.postgres.pool import Connection

FINAL_STATES = {"COMPLETED": "Completed", "FAILED": "Failed", "CANCELLED": "Stopped"}
"""What Bacalhau calls the final states of a job."""
STATES = ("Pending", "Queued", "Running", *FINAL_STATES.values())
MOST_FOUND = 5

_FINAL = " ".join(f"WHEN j.state = '{ours}' THEN '{s}'" for ours, s in FINAL_STATES.items())


def _has(condition: str) -> str:
    return f"""EXISTS (SELECT FROM tasks t WHERE t.job_id = j.id AND t.kind <> 'placed'
                       AND t.state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')
                       AND ({condition}))"""


# A job runs when an execution has a node, or had one and is tried again; it is queued when all that
# is left waits for a node. A daemon waits for nodes as long as it lives: that is no queue.
_STATE = f"""
CASE {_FINAL}
     WHEN {_has("t.state IN ('SCHEDULED', 'RUNNING') OR t.due_at IS NOT NULL")} THEN 'Running'
     WHEN v.document->>'Type' <> 'daemon' AND {_has("t.state = 'PENDING'")} THEN 'Queued'
     ELSE 'Pending' END
"""
_COLUMNS = f"""
j.id, i.namespace, i.name, {_STATE} AS state, j.error, j.version AS revision,
v.version, v.document, v.created_by, v.reason, j.created_at,
CASE WHEN v.version = j.spec_version
     THEN greatest(v.created_at, j.started_at, j.completed_at, j.failed_at)
     ELSE v.created_at END AS modified_at, j.sealed,
j.state IN ('COMPLETED', 'FAILED', 'CANCELLED') AS is_final, v.version = j.spec_version AS is_latest
"""
_FROM = """
FROM jobs j JOIN job_identities i ON i.job_id = j.id AND i.language = 'bacalhau'
JOIN job_versions v ON v.job_id = j.id
"""
_READABLE = "($1::text[] IS NULL OR j.readers = '{}' OR j.readers && $1)"

# $5: label selectors, each of which must hold.
_LABELLED = """
NOT EXISTS (
    SELECT FROM jsonb_to_recordset($5::jsonb) AS c(key text, operator text, "values" text[])
    WHERE NOT CASE c.operator
        WHEN 'exists' THEN i.labels ? c.key
        WHEN '!' THEN NOT i.labels ? c.key
        WHEN '!=' THEN coalesce(i.labels->>c.key <> ALL (c.values), true)
        WHEN 'notin' THEN coalesce(i.labels->>c.key <> ALL (c.values), true)
        WHEN 'gt' THEN coalesce(CASE WHEN i.labels->>c.key ~ '^-?[0-9]{1,18}$'
                                THEN (i.labels->>c.key)::bigint > c.values[1]::bigint END, false)
        WHEN 'lt' THEN coalesce(CASE WHEN i.labels->>c.key ~ '^-?[0-9]{1,18}$'
                                THEN (i.labels->>c.key)::bigint < c.values[1]::bigint END, false)
        ELSE coalesce(i.labels->>c.key = ANY (c.values), false) END)
"""


def _listing(direction: str, beyond: str) -> str:
    """$6 and $7: when it was created; $8: states; $9: by which time, $10 and $11: after which."""
    return f"""
SELECT * FROM (
    SELECT {_COLUMNS} {_FROM}
    WHERE v.version = j.spec_version AND {_READABLE}
      AND ($2::text IS NULL OR i.namespace = $2) AND ($3::text IS NULL OR i.name = $3)
      AND {_LABELLED}
      AND ($6::timestamptz IS NULL OR j.created_at >= $6)
      AND ($7::timestamptz IS NULL OR j.created_at < $7)
) AS found, LATERAL (
    SELECT CASE $9::text WHEN 'modified_at' THEN modified_at ELSE created_at END AS placed_at
) AS place
WHERE ($8::text[] = '{{}}' OR state = ANY ($8))
  AND ($10::timestamptz IS NULL OR (placed_at, id) {beyond} ($10, $11))
ORDER BY placed_at {direction}, id {direction} LIMIT $4
"""  # noqa: S608 - texts of our own


LIST = _listing("ASC", ">")
LIST_REVERSED = _listing("DESC", "<")

# $2: the namespace in which it has the name; $3: the beginning of an id, or NULL; $4: the namespace
# in which it may have that, NULL for any. Ids are hexadecimal: `zz` comes after all of them.
FIND = f"""
(SELECT j.id, true AS is_named FROM jobs j JOIN job_identities i ON i.job_id = j.id
 WHERE i.language = 'bacalhau' AND i.namespace = $2 AND i.name = $5 AND {_READABLE})
UNION ALL
(SELECT j.id, false FROM job_identities i JOIN jobs j ON j.id = i.job_id
 WHERE i.job_id >= $3 AND i.job_id < $3 || 'zz' AND starts_with(i.job_id, $3)
   AND i.language = 'bacalhau' AND ($4::text IS NULL OR i.namespace = $4) AND {_READABLE}
 ORDER BY i.job_id LIMIT {MOST_FOUND} + 1)
"""  # noqa: S608 - texts of our own

ONE = f"""
SELECT {_COLUMNS} {_FROM}
WHERE {_READABLE} AND j.id = $2 AND v.version = coalesce($3::int, j.spec_version)
"""

VERSIONS = f"""
SELECT {_COLUMNS} {_FROM} WHERE {_READABLE} AND j.id = $2 ORDER BY v.version
"""

WITH_NAME = "SELECT job_id FROM job_identities WHERE namespace = $1 AND name = $2"


class NamedJob(NamedTuple):
    """One version of a job, in the state of the job. `revision` grows with each change."""

    id: str
    namespace: str
    name: str
    state: str
    error: str | None
    revision: int
    version: int
    document: dict[str, Any]
    created_by: str | None
    reason: str
    created_at: datetime
    modified_at: datetime
    sealed: str | None
    is_final: bool
    is_latest: bool


class Place(NamedTuple):
    """Where a page ends: `at` is by what the list is ordered."""

    at: datetime
    id: str


class Listing(NamedTuple):
    """What is asked of the list; what is None or empty asks for nothing. `labels` are constraints
    as JSON."""

    namespace: str | None
    labels: Sequence[Mapping[str, object]]
    states: Sequence[str]
    since: datetime | None
    before: datetime | None
    order_by: str
    reverse: bool
    limit: int
    after: Place | None
    name: str | None = None


async def list_jobs(connection: Connection, asked: Listing, readers: Readers) -> list[NamedJob]:
    after = asked.after or Place(None, "")  # type: ignore[arg-type]  # SQL's NULL: from the start
    rows = await connection.fetch(
        LIST_REVERSED if asked.reverse else LIST,
        readers,
        asked.namespace,
        asked.name,
        asked.limit,
        list(asked.labels),
        asked.since,
        asked.before,
        list(asked.states),
        asked.order_by,
        *after,
    )
    return [NamedJob(*tuple(row)[: len(NamedJob._fields)]) for row in rows]


class Called(NamedTuple):
    """What a client calls a job: its name in `namespace`, or (`prefix`) the beginning of its id,
    which may be of any namespace when none was given (`within` None)."""

    name: str
    namespace: str
    prefix: str | None
    within: str | None


async def find(connection: Connection, called: Called, readers: Readers) -> list[str]:
    """Ids: of the one with the name, else of all that begin so, one more than `MOST_FOUND` at
    most."""
    rows = await connection.fetch(
        FIND, readers, called.namespace, called.prefix, called.within, called.name
    )
    named = [row["id"] for row in rows if row["is_named"]]
    return named or [row["id"] for row in rows]


async def one(
    connection: Connection, job_id: str, readers: Readers, version: int | None = None
) -> NamedJob | None:
    """Without a version: the latest."""
    row = await connection.fetchrow(ONE, readers, job_id, version)
    return NamedJob(*row) if row else None


async def versions(connection: Connection, job_id: str, readers: Readers) -> list[NamedJob]:
    """The oldest first."""
    return [NamedJob(*row) for row in await connection.fetch(VERSIONS, readers, job_id)]


async def with_name(connection: Connection, namespace: str, name: str) -> str | None:
    """The id of the job with this name, whoever may see it."""
    found: str | None = await connection.fetchval(WITH_NAME, namespace, name)
    return found
