"""How far each listener has heard the feed, and what comes next.

A listener is claimed for a time, not locked: a row lock would last as long as the listener takes,
and the feed goes no further than the oldest transaction that has written something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.postgres.pool import Connection

# A listener that is heard of for the first time begins with what happens from now on.
ADD = """
INSERT INTO feed_cursors (name, txid, seq, claimed_until)
VALUES ($1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0, clock_timestamp())
ON CONFLICT DO NOTHING
"""

# Nothing is written while there is nothing to hear.
CLAIM = """
UPDATE feed_cursors SET claimed_until = clock_timestamp() + $2::interval
WHERE name = $1 AND claimed_until <= clock_timestamp() AND EXISTS (
    SELECT FROM job_events e WHERE (e.txid, e.seq) > (feed_cursors.txid, feed_cursors.seq)
    AND e.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
RETURNING name, txid, seq, failures, claimed_until
"""

NEWS = """
SELECT e.txid, e.seq, e.changes, j.sealed, j.id IS NULL AS is_gone
FROM job_events e LEFT JOIN jobs j ON j.id = e.job_id
WHERE (e.txid, e.seq) > ($1, $2)
  AND e.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY e.txid, e.seq LIMIT $3
"""

# Only by who holds it: a claim that has run out may be another's by now.
HEARD = """
UPDATE feed_cursors SET txid = $3, seq = $4, failures = 0, claimed_until = clock_timestamp()
WHERE name = $1 AND claimed_until = $2
"""

FAILED = """
UPDATE feed_cursors SET failures = failures + 1, claimed_until = clock_timestamp() + $3::interval
WHERE name = $1 AND claimed_until = $2
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The listener `name` may be told what comes after (`txid`, `seq`) until `claimed_until`."""

    name: str
    txid: int
    seq: int
    failures: int
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class News:
    """Changes of one job (as `shared.messages.Change`), with its secrets as its row has them, if
    it is not gone."""

    txid: int
    seq: int
    changes: Sequence[dict[str, Any]]
    sealed: str | None
    is_gone: bool


async def add(connection: Connection, name: str) -> None:
    """Make it known; one that is known already stays where it is."""
    await connection.execute(ADD, name)


async def claim(connection: Connection, name: str, hold: timedelta) -> Claim | None:
    """None when there is nothing to hear, or another serves it, or it has failed lately."""
    row = await connection.fetchrow(CLAIM, name, hold)
    return Claim(**row) if row else None


async def news(connection: Connection, claim: Claim, limit: int) -> list[News]:
    """In order."""
    rows = await connection.fetch(NEWS, claim.txid, claim.seq, limit)
    return [News(**row) for row in rows]


async def heard(connection: Connection, claim: Claim, last: News) -> None:
    """All up to `last`; the claim is given back."""
    await connection.execute(HEARD, claim.name, claim.claimed_until, last.txid, last.seq)


async def failed(connection: Connection, claim: Claim, delay: timedelta) -> None:
    """The same comes again after `delay`."""
    await connection.execute(FAILED, claim.name, claim.claimed_until, delay)
