"""Jobs by what people call them: the beginning of an id, or a name."""

from collections.abc import Sequence

from services.coordinator.store.rows import SUMMARY_COLUMNS, Readers, SummaryRow
from shared.postgres.pool import Connection

SHORTEST_PREFIX = 4
MOST_FOUND = 5
_NEWEST = 10_000

# Ids are hexadecimal: `zz` comes after all that can follow the beginning. Names have no index of
# their own; who calls a job by its name means one of the newest.
NAMED = f"""
(SELECT {SUMMARY_COLUMNS} FROM jobs
 WHERE $2 AND id >= $1 AND id < $1 || 'zz' AND starts_with(id, $1)
   AND ($3::text[] IS NULL OR readers = '{{}}' OR readers && $3)
 ORDER BY created_at DESC, id DESC LIMIT {MOST_FOUND} + 1)
UNION
(SELECT {SUMMARY_COLUMNS}
 FROM (SELECT * FROM jobs ORDER BY created_at DESC, id DESC LIMIT {_NEWEST}) AS newest
 WHERE name = $1 AND ($3::text[] IS NULL OR readers = '{{}}' OR readers && $3)
 ORDER BY created_at DESC, id DESC LIMIT {MOST_FOUND} + 1)
ORDER BY created_at DESC, id DESC LIMIT {MOST_FOUND} + 1
"""  # noqa: S608 - columns and numbers of our own


async def named(connection: Connection, text: str, readers: Readers) -> Sequence[SummaryRow]:
    """The newest jobs, one more than `MOST_FOUND` at most, whose id begins with `text` or whose
    name it is."""
    is_prefix = len(text) >= SHORTEST_PREFIX
    rows = await connection.fetch(NAMED, text, is_prefix, readers)
    return [SummaryRow(*row) for row in rows]
