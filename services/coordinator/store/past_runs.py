"""What jobs of an app have held, and how much one has to do: what estimates are made of."""

from services.coordinator.store.rows import Readers
from shared.jobspec.bytenite.phases import APP
from shared.planning.estimates import MOST_RUNS, PastRun, Sized
from shared.postgres.pool import Connection
from shared.store.row_values import usage_of

_CHUNKS = f""" -- of one job
(SELECT (t.children ->> 'total')::int FROM tasks t
 WHERE t.job_id = j.id AND t.position = {APP} AND t.parent_id IS NULL
 ORDER BY t.created_at DESC LIMIT 1)
"""  # noqa: S608 - a number of our own
# Of what the chunks were made of, which is as much; before they are made, of what was uploaded.
_INPUT_BYTES = """
coalesce(
    (SELECT sum(a.size)::bigint FROM artifacts a WHERE a.job_id = j.id AND a.chunks IS NOT NULL),
    (SELECT sum(u.size)::bigint FROM upload_uses x JOIN uploads u ON u.id = x.upload_id
     WHERE x.owner_id = j.id))
"""

# $1: an app with its version. Those that a client may not see are not counted.
PAST_RUNS = f"""
SELECT j.usage, {_CHUNKS} AS chunks, {_INPUT_BYTES} AS input_bytes
FROM (SELECT v.job_id, max(v.created_at) AS at FROM (
          SELECT job_id, created_at FROM job_versions
          WHERE reason = 'run' AND document ? 'appId' AND document ->> 'appId' = $1
          ORDER BY created_at DESC LIMIT 10 * $3) AS v
      GROUP BY v.job_id) AS ran
JOIN jobs j ON j.id = ran.job_id
WHERE j.state = 'COMPLETED' AND j.usage IS NOT NULL
  AND ($2::text[] IS NULL OR j.readers = '{{}}' OR j.readers && $2)
ORDER BY ran.at DESC LIMIT $3
"""  # noqa: S608 - texts of our own

SIZE = f"SELECT {_CHUNKS} AS chunks, {_INPUT_BYTES} AS input_bytes FROM jobs j WHERE j.id = $1"  # noqa: S608 - texts of our own


async def past_runs(connection: Connection, app: str, readers: Readers) -> list[PastRun]:
    rows = await connection.fetch(PAST_RUNS, app, readers, MOST_RUNS)
    return [
        PastRun(usage=usage, chunks=row["chunks"], input_bytes=row["input_bytes"])
        for row in rows
        if (usage := usage_of(row["usage"]))
    ]


async def size_of(connection: Connection, job_id: str) -> Sized:
    row = await connection.fetchrow(SIZE, job_id)
    return Sized(chunks=row["chunks"], input_bytes=row["input_bytes"]) if row else Sized()
