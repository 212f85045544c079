"""What dead workers left on this worker's runtime: found here, removed when the scheduler agrees.

A worker knows nothing of others. It names in its heartbeats whose containers and directories it
has seen in two looks in a row; the scheduler answers with those that are gone. Only what it had
seen when it asked is removed: a worker that was taken for dead may come back and make new ones.
"""

from collections.abc import Collection

import structlog

from conveyor.extensions.runtimes import Leftover, Runtime
from conveyor.extensions.tasks import TaskSpec

log = structlog.get_logger(__name__)


async def remove_earlier(runtime: Runtime, spec: TaskSpec) -> None:
    """Between a task's grant and its start: what a worker that was killed left of it may still run,
    on this very engine. Raises RuntimeUnavailable."""
    if spec.dispatch > 1 and (removed := await runtime.remove_earlier(spec)):
        log.info("earlier_dispatches_removed", task=spec.task_id, count=removed)


class Leftovers:
    def __init__(self, runtime: Runtime, node_id: str) -> None:
        self._runtime = runtime
        self._node_id = node_id
        self._seen: set[Leftover] = set()
        self._asked_about: set[Leftover] = set()

    @property
    def unknown_nodes(self) -> list[str]:
        return sorted({left.node_id for left in self._asked_about})

    async def look(self) -> None:
        """One round. Raises RuntimeUnavailable."""
        seen: set[Leftover] = set()

        def note(left: Leftover) -> bool:
            if left.node_id != self._node_id:
                seen.add(left)
            return False  # nothing is removed yet

        await self._runtime.reap(note)
        # Once is not enough: a worker that has just begun may not be known to the scheduler yet.
        self._asked_about = seen & self._seen
        self._seen = seen

    async def remove(self, abandoned: Collection[str]) -> None:
        """Remove what these workers left. Raises RuntimeUnavailable."""
        gone = {left for left in self._asked_about if left.node_id in abandoned}
        removed = await self._runtime.reap(lambda left: left in gone)
        if removed:
            log.info("leftovers_removed", count=removed, nodes=sorted(abandoned))
