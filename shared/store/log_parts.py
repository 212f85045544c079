"""Stores parts of tasks' logs. They change nothing that is decided on."""

from collections.abc import Sequence

from shared.messages import LogPart
from shared.postgres.pool import Connection

# Parts arrive more than once, and may outlive their task.
ADD_LOG_PARTS = """
INSERT INTO task_log_parts (task_id, number, job_id, contents, created_at)
SELECT r.task_id, r.number, t.job_id, r.contents, r.created_at
FROM unnest($1::text[], $2::int[], $3::text[], $4::timestamptz[])
     AS r(task_id, number, contents, created_at)
JOIN tasks t ON t.id = r.task_id
ON CONFLICT DO NOTHING
"""

_GREATEST_NUMBER = 2**31 - 1


async def add_log_parts(connection: Connection, parts: Sequence[LogPart]) -> None:
    """A part whose number can't be kept (after some 2,000 dispatches) is left out: no log may cost
    its task the end."""
    parts = [part for part in parts if 0 < part.number <= _GREATEST_NUMBER]
    if parts:
        await connection.execute(
            ADD_LOG_PARTS,
            [part.task_id for part in parts],
            [part.number for part in parts],
            [part.contents.replace("\x00", "\ufffd") for part in parts],  # Postgres has no NUL
            [part.created_at for part in parts],
        )
