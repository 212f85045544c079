"""A system in memory for property tests: the real transactions over rows in memory.

Messages between jobs are left in `messages`, for the test to deliver, repeat or lose.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from unittest.mock import patch

from hypothesis import strategies as st

from shared.apply.apply import Outcome, Work, apply_to_rows
from shared.definition import changed
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.lifecycle import (
    CancelContinued,
    CancelSubJob,
    ChildrenContinued,
    Command,
    ContinueCancel,
    ContinueChildren,
    Event,
    GrantClaim,
    Job,
    JobSubmitted,
    Parent,
    ReportToParent,
    ResumeSubJob,
    SubJobAbandoned,
    SubJobEnded,
    SubJobResumed,
    Task,
    TaskState,
    decide,
)
from shared.planning.budgets import TransactionBudget
from shared.planning.planner import Planner
from shared.planning.submission import new_job
from shared.process.sealing import Sealer
from shared.store.outgoing import subjob_end
from shared.store.subjob_signals import subjob_ended
from tests.support.family_specs import Spec
from tests.support.memory_rows import MemoryRows

R = TypeVar("R")
ADOPTER = "node-3"
"""It claims nothing, and adopts what other nodes have left."""
budgets = st.sampled_from([1_000_000, 1_000_000, 1, 2])
Watcher = Callable[[Job, Task | None, Event, Outcome], None]
"""Sees each decision, with the job and task as they were before it."""


@dataclass
class World:
    most_children: int = 1_000_000
    """How many children begin in one transaction."""
    most_cancelled: int = 1_000_000
    """How many active tasks are cancelled in one transaction."""
    rows: MemoryRows = field(default_factory=MemoryRows)
    messages: list[Event] = field(default_factory=list)
    watchers: list[Watcher] = field(default_factory=list)
    _planner: Planner = field(default_factory=lambda: Planner(Sealer()))
    _granted: dict[tuple[str, int], str] = field(default_factory=dict)
    _submitted: dict[str, Spec] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.rows.now

    @now.setter
    def now(self, value: datetime) -> None:
        self.rows.now = value

    @property
    def jobs(self) -> dict[str, Job]:
        return self.rows.jobs

    @property
    def tasks(self) -> dict[str, Task]:
        """In the order in which they were made."""
        return self.rows.tasks

    def submit(self, job_id: str, listed: Spec, **waits: Any) -> None:
        """`waits` are the fields of a `JobDefinition` that have it wait before it begins."""
        self._submitted[job_id] = listed
        spec = parse_job(json.dumps(listed.as_job()).encode(), "application/json")
        new = new_job(changed(compile_job(spec), **waits), job_id, self.now)
        self.apply(Work(JobSubmitted(new.job), new_job=new))

    def submitted(self, job_id: str) -> Spec:
        """The list of tasks that the job was made of, whoever made it."""
        task_id = self.rows.submitted(job_id).parent_task_id
        return self._submitted[job_id] if task_id is None else self._spec_of(self.tasks[task_id])

    def _spec_of(self, task: Task) -> Spec:
        if task.parent_id is None:
            return self.submitted(task.job_id).inner[task.position - 1]
        return self._spec_of(self.tasks[task.parent_id]).child(task.child_index or 0)

    def happen(self, *batch: Event) -> None:
        """One transaction."""
        self.apply(*map(Work, batch))

    def lost_signals(self) -> Iterator[Event]:
        """What the scheduler finds when messages between jobs are lost."""
        for task in self.tasks.values():
            if task.state is TaskState.RUNNING and task.subjob_id is not None:
                sub = self.jobs[task.subjob_id]
                if sub.parent is not None and sub.parent.dispatch < task.dispatch:
                    yield SubJobResumed(sub.id, task.dispatch)
                elif sub.state.is_final:
                    yield _end_of(sub, task.job_id, task.id, task.dispatch)
            elif task.state is TaskState.RUNNING and is_stalled(task):
                yield ChildrenContinued(task.job_id, task.id)
        for job in self.jobs.values():
            if job.is_cancelling:
                yield CancelContinued(job.id)
            if job.state.is_final or job.parent is None or not job.parent.dispatch:
                continue
            if self.tasks[job.parent.task_id].state is not TaskState.RUNNING:
                yield SubJobAbandoned(job.id, job.parent.dispatch)

    def apply(self, *batch: Work) -> None:
        budget = TransactionBudget(
            is_shared=False, most_children=self.most_children, most_cancelled=self.most_cancelled
        )
        applied = _finished(
            apply_to_rows(
                self.rows, self._planner, batch, sent=[], budget=budget, decide=self._decide
            )
        )
        for command in applied.commands:
            self._send(command)

    def _decide(self, job: Job, task: Task | None, event: Event, now: datetime) -> Outcome:
        outcome = decide(job, task, event, now)
        for watch in self.watchers:
            watch(job, task, event, outcome)
        return outcome

    def _send(self, command: Command) -> None:
        match command:
            case GrantClaim(_, task_id, dispatch, node_id):
                holder = self._granted.setdefault((task_id, dispatch), node_id)
                is_adopted = node_id == ADOPTER
                assert is_adopted or holder == node_id, "one dispatch was granted to two workers"
            case ReportToParent(job) if (parent := job.parent) is not None:
                end = _end_of(job, parent.job_id, parent.task_id, parent.dispatch)
                self.messages.append(end)
            case ResumeSubJob(subjob_id, dispatch):
                self.messages.append(SubJobResumed(subjob_id, dispatch))
            case CancelSubJob(subjob_id, dispatch):
                self.messages.append(SubJobAbandoned(subjob_id, dispatch))
            case ContinueChildren(job_id, task_id):
                self.messages.append(ChildrenContinued(job_id, task_id))
            case ContinueCancel(job_id):
                self.messages.append(CancelContinued(job_id))


def is_stalled(parent: Task) -> bool:
    """Nothing of it is active: it goes on by the message that it has sent itself."""
    counts = parent.children
    return counts is not None and counts.begun == counts.ended < counts.total


def _end_of(sub: Job, job_id: str, task_id: str, dispatch: int) -> SubJobEnded:
    parent = Parent(job_id=job_id, task_id=task_id, dispatch=dispatch)
    return subjob_ended(subjob_end(sub, parent))


async def _at_once(call: Callable[..., R], *arguments: object) -> R:
    return call(*arguments)


def _finished(transaction: Coroutine[Any, Any, R]) -> R:
    """What it returns: with all rows in memory, and no threads, it never waits."""
    try:
        with patch.object(asyncio, "to_thread", _at_once):
            transaction.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # typeshed has it as Any
    raise AssertionError("it waits for something")
