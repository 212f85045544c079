"""What an earlier `conveyor dev` on this data left when it was killed.

Only one at a time uses a data directory, so every worker that its database still counts on is dead:
there is no lease to wait for.
"""

from collections.abc import Collection

import structlog

from services.scheduler.store.nodes import unfinished
from services.worker.runtimes.protocol import Runtime, RuntimeUnavailable
from shared.postgres.pool import Pool, acquired

log = structlog.get_logger()


async def clear_after_predecessors(pool: Pool, runtime: Runtime) -> list[str]:
    """End what their tasks left running; their node ids. Raises DatabaseUnavailable."""
    async with acquired(pool) as connection:
        nodes = await unfinished(connection)
    if nodes:
        removed = await _reap(runtime, nodes)
        log.info("predecessor_replaced", nodes=nodes, removed=removed)
    return nodes


async def _reap(runtime: Runtime, nodes: Collection[str]) -> int:
    try:
        return await runtime.reap(lambda left: left.node_id in nodes)
    except RuntimeUnavailable as error:
        # The engine is away. Its containers of a task are removed before that task starts again.
        log.warning("leftovers_not_removed", reason=str(error))
        return 0
