"""The messages door for `telemetry`: log parts are stored, progress becomes events."""

from collections.abc import Sequence

from shared.apply.apply import Work
from shared.apply.batcher import Batcher, Failures, perform_all
from shared.lifecycle import TaskProgressed
from shared.messages import Telemetry
from shared.postgres.pool import Pool, acquired
from shared.store.writing import Writes, write


async def on_telemetry(batcher: Batcher, pool: Pool, messages: Sequence[Telemetry]) -> Failures:
    parts = [part for message in messages for part in message.logs]
    if parts:
        async with acquired(pool) as connection:
            await write(connection, Writes(log_parts=parts))
    return await perform_all(batcher, [_works(message) for message in messages])


def _works(message: Telemetry) -> list[Work]:
    return [
        Work(TaskProgressed(p.job_id, p.task_id, p.dispatch, p.progress)) for p in message.progress
    ]
