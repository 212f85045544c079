"""What tasks report of their own ends by requests: it counts when they have succeeded."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from shared.postgres.pool import Connection

REPORTED_ENDS = """
SELECT e.task_id, e.dispatch, e.result, e.has_failed
FROM unnest($1::text[], $2::int[]) AS d(task_id, dispatch)
JOIN reported_ends e ON e.task_id = d.task_id AND e.dispatch = d.dispatch
"""

# $3, $4: NULL leaves what was reported before.
REPORT_END = """
INSERT INTO reported_ends AS e (task_id, dispatch, result, has_failed)
VALUES ($1, $2, $3, coalesce($4, false))
ON CONFLICT (task_id, dispatch) DO UPDATE
SET result = coalesce($3, e.result), has_failed = coalesce($4, e.has_failed)
"""


class ReportedEnd(NamedTuple):
    """`result` None: the one that it leaves."""

    result: str | None
    has_failed: bool


async def reported_ends(
    connection: Connection, dispatches: Collection[tuple[str, int]]
) -> Mapping[tuple[str, int], ReportedEnd]:
    ids, numbers = zip(*dispatches, strict=True)
    rows = await connection.fetch(REPORTED_ENDS, ids, numbers)
    return {(task_id, dispatch): ReportedEnd(*end) for task_id, dispatch, *end in rows}


async def report_end(
    connection: Connection, dispatch: tuple[str, int], result: str | None, has_failed: bool | None
) -> None:
    """None: as it was."""
    await connection.execute(REPORT_END, *dispatch, result, has_failed)
