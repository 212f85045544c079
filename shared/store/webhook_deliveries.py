"""What endpoints are owed, as far as more than one service changes it."""

from collections.abc import Collection

from shared.postgres.pool import Connection

PORTION = 5_000
"""Deliveries that one statement has time for: an endpoint may have a million."""

# What is left of more ends when it is due. A call under way counts if the receiver takes it.
END_DELIVERIES = f"""
UPDATE webhook_deliveries
SET state = 'FAILED', next_at = 'infinity', ended_at = clock_timestamp()
WHERE id = ANY(ARRAY(
    SELECT d.id FROM unnest($1::text[]) AS e(id) CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries WHERE endpoint_id = e.id AND state = 'PENDING'
        ORDER BY created_at LIMIT {PORTION} FOR UPDATE SKIP LOCKED) d))
"""  # noqa: S608 - a number of our own


async def end_deliveries(connection: Connection, endpoint_ids: Collection[str]) -> None:
    """Of these endpoints, which are disabled."""
    await connection.execute(END_DELIVERIES, list(endpoint_ids))
