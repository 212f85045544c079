"""What workers of a world in memory have in hand, each for no longer than its lease."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.lifecycle import GrantClaim, Task, TaskState
from tests.support.family_world import World
from tests.support.world_workers import LEASE

Dispatch = tuple[str, int]
"""A task, and which dispatch of it."""


@dataclass
class Run:
    task_id: str
    dispatch: int
    node: str
    until: datetime


@dataclass
class Runs:
    """A worker counts its lease from when it asked: whatever it asks again makes it no longer."""

    world: World
    running: list[Run] = field(default_factory=list)
    _asked_at: dict[tuple[Dispatch, str], datetime] = field(default_factory=dict)
    _over: set[tuple[Dispatch, str]] = field(default_factory=set)

    def ask(self, task: Task, dispatch: int, node: str) -> None:
        self._asked_at.setdefault(((task.id, dispatch), node), self.world.now)

    def start(self, grant: GrantClaim) -> None:
        key = ((grant.task_id, grant.dispatch), grant.node_id)
        until = self._asked_at[key] + LEASE
        if key in self._over or until <= self.world.now or self._holds(grant):
            return
        others = [r for r in self.live() if r.task_id == grant.task_id]
        assert not others, "two workers run the same attempt"
        self.running.append(Run(grant.task_id, grant.dispatch, grant.node_id, until))

    def live(self) -> list[Run]:
        """Those whose lease has not run out: the others have been killed by their workers."""
        self.running = [run for run in self.running if run.until > self.world.now]
        return self.running

    def end(self, run: Run) -> None:
        self.running.remove(run)
        self._over.add(((run.task_id, run.dispatch), run.node))

    def renew(self) -> None:
        """Heartbeats that arrive at once."""
        for run in self.live():
            task = self.world.tasks[run.task_id]
            is_held = (task.dispatch, task.node_id) == (run.dispatch, run.node)
            if task.state is TaskState.RUNNING and is_held:
                run.until = self.world.now + LEASE
                self.world.tasks[task.id] = replace(task, lease_expires_at=run.until)

    def _holds(self, grant: GrantClaim) -> bool:
        asked = (grant.task_id, grant.dispatch, grant.node_id)
        return any((r.task_id, r.dispatch, r.node) == asked for r in self.running)
