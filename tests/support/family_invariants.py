"""What holds of the rows of jobs and tasks at any moment, asked of the database."""

from shared.postgres.pool import Pool

# Of each place among siblings the last row counts.
FAMILIES = """
WITH last AS (
    SELECT DISTINCT ON (parent_id, child_index) * FROM tasks WHERE parent_id IS NOT NULL
    ORDER BY parent_id, child_index, created_at DESC, attempt DESC
)
SELECT p.id, p.children, count(c.id)::int AS total,
       count(*) FILTER (WHERE c.state <> 'CREATED')::int AS begun,
       count(*) FILTER (WHERE c.state IN ('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED'))::int
           AS ended,
       count(*) FILTER (WHERE c.state = 'FAILED' AND NOT c.allow_failure)::int AS failed
FROM tasks p JOIN jobs j ON j.id = p.job_id LEFT JOIN last c ON c.parent_id = p.id
WHERE p.state = 'RUNNING' AND p.children IS NOT NULL AND NOT j.is_cancelling GROUP BY p.id
"""

LEFT_BEHIND = """
SELECT t.id, t.state, t.child_index, p.state AS parent, j.state AS job
FROM tasks t JOIN jobs j ON j.id = t.job_id LEFT JOIN tasks p ON p.id = t.parent_id
WHERE t.state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING') AND NOT j.is_cancelling
  AND (j.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
       OR (p.state IS NOT NULL AND p.state NOT IN ('RUNNING', 'CREATED')))
"""

TWICE_ACTIVE = """
SELECT parent_id, child_index FROM tasks
WHERE parent_id IS NOT NULL AND state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')
GROUP BY parent_id, child_index HAVING count(*) > 1
"""

STUCK = """
SELECT j.id, j.state FROM jobs j
WHERE j.state IN ('PENDING', 'SCHEDULED', 'RUNNING') AND NOT EXISTS (
    SELECT FROM tasks t WHERE t.job_id = j.id
    AND (t.state IN ('PENDING', 'SCHEDULED')
         OR (t.state = 'RUNNING' AND t.kind IN ('task', 'subjob'))
         -- it goes on by the message that it has sent itself
         OR (t.state = 'RUNNING' AND (t.children->>'begun')::int = (t.children->>'ended')::int
             AND (t.children->>'begun')::int < (t.children->>'total')::int)))
"""

FEED = """
SELECT e.job_id, array_agg((c.change->>'version')::int ORDER BY e.txid, e.seq, c.place) AS versions
FROM job_events e, jsonb_array_elements(e.changes) WITH ORDINALITY AS c(change, place)
GROUP BY e.job_id
"""

SPLIT_FEED = "SELECT txid, job_id FROM job_events GROUP BY txid, job_id HAVING count(*) > 1"

WRONG_PROGRESS = """
SELECT id FROM tasks WHERE state = 'COMPLETED' AND progress <> 100
UNION ALL SELECT id FROM jobs WHERE state = 'COMPLETED' AND progress <> 100
"""


async def check_invariants(pool: Pool) -> None:
    for row in await pool.fetch(FAMILIES):
        counts = row["children"]
        for name in ("total", "begun", "ended", "failed"):
            assert counts[name] == row[name], (name, dict(row))
        active = row["begun"] - row["ended"]
        assert not counts["concurrency"] or active <= counts["concurrency"], dict(row)
    for statement in (LEFT_BEHIND, TWICE_ACTIVE, STUCK, SPLIT_FEED, WRONG_PROGRESS):
        found = [dict(row) for row in await pool.fetch(statement)]
        assert not found, (statement, found)
    for row in await pool.fetch(FEED):
        assert row["versions"] == list(range(len(row["versions"]))), dict(row)
