"""The parts of a log from its beginning on, some at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.coordinator.store.feed import BEGINNING, Cursor
from services.coordinator.store.logs import LogSource
from services.coordinator.store.rows import LogRow
from shared.postgres.pool import Connection

_AT_ONCE = 16
"""Up to a megabyte."""

_IS_LAST = """NOT EXISTS (SELECT FROM task_log_parts n
                   WHERE n.task_id = p.task_id AND n.number = p.number + 1) AS is_last"""

JOB_PARTS_AFTER = f"""
SELECT task_id, number, contents, created_at, stderr, continues, {_IS_LAST} FROM task_log_parts p
WHERE job_id = $1 AND ($2::timestamptz IS NULL OR (created_at, task_id, number) > ($2, $3, $4))
ORDER BY created_at, task_id, number LIMIT $5
"""  # noqa: S608 - texts of our own

TASK_PARTS_AFTER = f"""
SELECT task_id, number, contents, created_at, stderr, continues, {_IS_LAST} FROM task_log_parts p
WHERE task_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""  # noqa: S608 - as above

# The part in which so many bytes before the end begin.
TAIL_OF_JOB = """
SELECT txid, seq FROM (
    SELECT txid, seq, sum(octet_length(contents)) OVER (ORDER BY txid DESC, seq DESC) AS bytes
    FROM task_log_parts WHERE job_id = $1) AS p
WHERE bytes >= $2 ORDER BY txid DESC, seq DESC LIMIT 1
"""

NAMES_OF = "SELECT id, name FROM tasks WHERE id = ANY($1::text[])"


@dataclass(frozen=True, slots=True)
class PartInOrder:
    """`is_last`: nothing follows that could end its last line."""

    row: LogRow
    is_last: bool


async def parts_after(
    connection: Connection, source: LogSource, last: LogRow | None
) -> Sequence[PartInOrder]:
    """The next after `last`, in the order of the log; none at its end."""
    if source.kind == "task":
        number = last.number if last else 0
        rows = await connection.fetch(TASK_PARTS_AFTER, source.id, number, _AT_ONCE)
    else:
        place: tuple[datetime | None, str, int] = (
            (last.created_at, last.task_id, last.number) if last else (None, "", 0)
        )
        rows = await connection.fetch(JOB_PARTS_AFTER, source.id, *place, _AT_ONCE)
    return [PartInOrder(LogRow(**fields), is_last) for fields, is_last in map(_split, rows)]


def _split(record: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    fields = dict(record)
    return fields, fields.pop("is_last")


async def names_of(connection: Connection, task_ids: Sequence[str]) -> dict[str, str]:
    return {row["id"]: row["name"] for row in await connection.fetch(NAMES_OF, task_ids)}


async def tail_of_job(connection: Connection, job_id: str, size: int) -> Cursor:
    """Before the part in which the last `size` bytes of the log begin, or it itself."""
    row = await connection.fetchrow(TAIL_OF_JOB, job_id, size)
    return Cursor(row["txid"], max(row["seq"] - 1, 0)) if row else BEGINNING
