"""What dead workers left on this worker's runtime: found here, removed when the scheduler agrees.

A worker knows nothing of others. It names in its heartbeats whose containers and directories it
has seen in two looks in a row; the scheduler answers with those that are gone.
"""

from collections.abc import Collection

import structlog

from services.worker.runtimes.protocol import Runtime
from services.worker.runtimes.task_spec import TaskSpec

log = structlog.get_logger(__name__)


async def remove_earlier(runtime: Runtime, spec: TaskSpec) -> None:
    """Between a task's grant and its start: what a worker that was killed left of it may still run,
    on this very engine. Raises RuntimeUnavailable."""
    if spec.dispatch > 1 and (removed := await runtime.remove_earlier(spec)):
        log.info("earlier dispatches removed", task=spec.task_id, count=removed)


class Leftovers:
    def __init__(self, runtime: Runtime, node_id: str) -> None:
        self._runtime = runtime
        self._node_id = node_id
        self._seen: set[str] = set()
        self.strangers: list[str] = []

    async def look(self) -> None:
        """One round. Raises RuntimeUnavailable."""
        seen: set[str] = set()

        def note(node: str) -> bool:
            seen.add(node)
            return False  # nothing is removed yet

        await self._runtime.reap(note)
        seen.discard(self._node_id)
        # Once is not enough: a worker that has just begun may not be known to the scheduler yet.
        self.strangers = sorted(seen & self._seen)
        self._seen = seen

    async def remove(self, abandoned: Collection[str]) -> None:
        """Remove what these workers left. Raises RuntimeUnavailable."""
        removed = await self._runtime.reap(lambda node: node in abandoned)
        if removed:
            log.info("leftovers removed", count=removed, nodes=sorted(abandoned))
