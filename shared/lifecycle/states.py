"""The states of jobs and tasks, and which moves between them are legal.

The law: a final state is left only by a restart, or by a job that has a new version: that begins
anew. At a restart a job goes on from where it stopped, and so does a
composite task (`REOPENED`). A task that a worker has had never leaves it: what is tried again is a
new task. Everything that moves a job or a task is checked against these tables, here and again by
constraints in Postgres. `BULK_MOVES` are the only ones that nobody decides one by one.
"""

from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    PENDING = "PENDING"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self in _FINAL_JOB_STATES

    @property
    def may_restart(self) -> bool:
        return self in (JobState.FAILED, JobState.CANCELLED)


def shown_position(state: str, position: int, task_count: int) -> int:
    """Where a job is in its list as clients know it from Tork: beyond the end once it is done."""
    return task_count + 1 if state == JobState.COMPLETED else position


class TaskState(StrEnum):
    CREATED = "CREATED"  # waits for its turn among its siblings
    # Waits for its time, as a retry with a delay, for a node, or for the limits of its job.
    PENDING = "PENDING"
    SCHEDULED = "SCHEDULED"  # on a queue
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    STOPPED = "STOPPED"  # Tork's; never produced
    SKIPPED = "SKIPPED"

    @property
    def is_final(self) -> bool:
        return self in _FINAL_TASK_STATES

    @property
    def is_on_node(self) -> bool:
        """Where it has a node, this one is taken by it."""
        return self in (TaskState.SCHEDULED, TaskState.RUNNING)


class TaskKind(StrEnum):
    TASK = "task"  # run by a worker
    PARALLEL = "parallel"  # its children are listed
    EACH = "each"  # one child for each item of a list
    SPAWN = "spawn"  # its children make further ones
    SUBJOB = "subjob"  # stands for a job of its own
    PLACED = "placed"  # its children are executions on chosen nodes

    @property
    def is_composite(self) -> bool:
        """No worker runs it: it stands for children or a job."""
        return self is not TaskKind.TASK


class PlacementType(StrEnum):
    BATCH = "batch"
    OPS = "ops"
    DAEMON = "daemon"
    SERVICE = "service"

    @property
    def is_kept_running(self) -> bool:
        return self in (PlacementType.DAEMON, PlacementType.SERVICE)

    @property
    def is_on_every_node(self) -> bool:
        """One execution on each node that matches, however many those are."""
        return self in (PlacementType.OPS, PlacementType.DAEMON)


_FINAL_JOB_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})
_FINAL_TASK_STATES = frozenset(
    {
        TaskState.COMPLETED,
        TaskState.FAILED,
        TaskState.CANCELLED,
        TaskState.STOPPED,
        TaskState.SKIPPED,
    }
)

JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset(
        {JobState.SCHEDULED, JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.SCHEDULED: frozenset(
        {JobState.RUNNING, JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.RUNNING: frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}),
    JobState.COMPLETED: frozenset({JobState.PENDING}),  # a new version, or again from a task
    JobState.FAILED: frozenset({JobState.PENDING}),  # restart
    JobState.CANCELLED: frozenset({JobState.PENDING}),  # restart
}

_BEGINNINGS = frozenset(
    {
        TaskState.PENDING,  # an execution waits for a node
        TaskState.SCHEDULED,
        TaskState.RUNNING,  # composite: it runs as soon as it begins
        TaskState.SKIPPED,
        TaskState.COMPLETED,  # another task has done the same work
        TaskState.FAILED,  # an expression in it fails
        TaskState.CANCELLED,
    }
)

TASK_MOVES: dict[TaskState, frozenset[TaskState]] = {
    TaskState.CREATED: _BEGINNINGS,
    TaskState.PENDING: frozenset(
        {
            TaskState.PENDING,  # its time has come, and now it waits for a node
            TaskState.SCHEDULED,
            TaskState.RUNNING,  # a restarted worker still has it
            TaskState.FAILED,  # no node for it within its time
            TaskState.CANCELLED,
        }
    ),
    TaskState.SCHEDULED: frozenset(
        {
            TaskState.PENDING,  # an execution whose node is gone
            TaskState.RUNNING,
            TaskState.FAILED,
            TaskState.CANCELLED,
        }
    ),
    TaskState.RUNNING: frozenset(
        {
            TaskState.PENDING,  # as below, of an execution: it waits for a node
            TaskState.SCHEDULED,  # a new dispatch: its worker was lost or handed it back
            TaskState.COMPLETED,
            TaskState.FAILED,
            TaskState.CANCELLED,
        }
    ),
    TaskState.COMPLETED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.CANCELLED: frozenset(),
    TaskState.STOPPED: frozenset(),
    TaskState.SKIPPED: frozenset(),
}

REOPENED = frozenset(
    {TaskState.CREATED, TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED}
)
"""From where a restart brings a composite task back to RUNNING. CREATED: its own parent was
restarted and has now come to it. COMPLETED: some of its children had failed all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkMove:
    """A move of many tasks by one statement, past `decide`, and why that is allowed.

    `makes_successor`: the row stays as it is, and a new one beside it is in `to_state`.
    """

    name: str
    from_states: frozenset[TaskState]
    to_state: TaskState
    reason: str
    makes_successor: bool = False


CANCEL_CREATED = BulkMove(
    name="cancel_created",
    from_states=frozenset({TaskState.CREATED}),
    to_state=TaskState.CANCELLED,
    reason="no worker, webhook or feed has heard of a task that never began",
)
REOPEN_CHILD = BulkMove(
    name="reopen_child",
    from_states=frozenset({TaskState.FAILED, TaskState.CANCELLED}),
    to_state=TaskState.CREATED,
    reason="a restart: a child that is composite, or never began, waits for its turn again",
)
SUCCEED_CHILD = BulkMove(
    name="succeed_child",
    from_states=frozenset({TaskState.FAILED, TaskState.CANCELLED}),
    to_state=TaskState.CREATED,
    reason="a restart: what a worker has had of a child stays as a record",
    makes_successor=True,
)
BULK_MOVES = (CANCEL_CREATED, REOPEN_CHILD, SUCCEED_CHILD)
