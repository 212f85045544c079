"""Goes on with what a worker before this one has left running, once that is granted."""

from collections.abc import Callable

import structlog

from services.worker.held_tasks import HeldTasks
from services.worker.kept.keeper import Keeper
from services.worker.kept.record import KeptExecution
from services.worker.runtimes.keeping import Keeping
from services.worker.watchdog.args import Key
from services.worker.watchdog.kept_files import forget

log = structlog.get_logger(__name__)


class Adoption:
    def __init__(
        self,
        keeper: Keeper,
        runtime: Keeping,
        held_tasks: HeldTasks,
        go_on_with: Callable[[KeptExecution], bool],
    ) -> None:
        """`go_on_with` begins to, or returns False where there is no room for it now."""
        self._keeper = keeper
        self._runtime = runtime
        self._held_tasks = held_tasks
        self._go_on_with = go_on_with
        self._tried: set[Key] = set()

    async def look(self) -> None:
        """One round. Raises RuntimeUnavailable."""
        for left in self._keeper.left():
            if self._held_tasks.find(left.order.ref) is None:
                await self._decide(left)

    async def _decide(self, left: KeptExecution) -> None:
        event = log.bind(job=left.order.job_id, task=left.order.task_id, left_by=left.left_by)
        if left.key in self._tried:
            # Refused: it was cancelled, or another runs it. One that has gone on with it by now
            # would have a file that says so.
            await self._runtime.end_left(*left.key)
            forget(left.directory, left.key)
            event.info("left_execution_ended")
        elif not await self._runtime.is_there(*left.key):
            forget(left.directory, left.key)
            event.info("left_execution_gone")
        elif self._go_on_with(left):
            self._tried.add(left.key)
            event.info("left_execution_found")
