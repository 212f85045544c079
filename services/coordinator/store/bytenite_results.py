"""What jobs of ByteNite leave: the newest that a stage has kept."""

from services.coordinator.store.artifacts import ArtifactRow, NamedTask, kept_by
from shared.jobspec.bytenite.phases import DELIVER
from shared.jobspec.partition.stages import OUTPUT
from shared.postgres.pool import Connection

STAGE = """
SELECT id FROM tasks
WHERE job_id = $1 AND position = $2 AND parent_id IS NULL AND state = 'COMPLETED'
ORDER BY created_at DESC, attempt DESC LIMIT 1
"""


async def results(connection: Connection, job_id: str, stage: int = DELIVER) -> ArtifactRow | None:
    """None as long as there are none."""
    task_id = await connection.fetchval(STAGE, job_id, stage)
    if task_id is None:
        return None
    rows = await kept_by(connection, NamedTask(id=task_id, is_exact=True), OUTPUT)
    return rows[0] if rows else None
