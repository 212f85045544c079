"""Jobs and families of tasks as the core leaves them after some events, for tests of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.lifecycle import (
    BeginChildren,
    ChildEnded,
    Decision,
    Event,
    Ignored,
    Job,
    JobState,
    Offspring,
    Planned,
    PlannedTask,
    Task,
    TaskClaimed,
    TaskKey,
    TaskKind,
    TaskPlanned,
    TaskPosition,
    Tell,
    decide,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
LEASE = timedelta(seconds=30)
NODE = "node-1"
FINAL = [JobState.FAILED, JobState.CANCELLED, JobState.COMPLETED]


def a_job(**changes: object) -> Job:
    job = Job(id="job", state=JobState.PENDING, task_count=2, created_at=NOW)
    return replace(job, **changes)  # type: ignore[arg-type]  # fields of Job


def plan(kind: TaskKind = TaskKind.TASK, **changes: object) -> PlannedTask:
    queue = "default" if kind is TaskKind.TASK else ""
    task = PlannedTask(name="t", queue=queue, kind=kind)
    return replace(task, **changes)  # type: ignore[arg-type]  # fields of PlannedTask


def decided(outcome: Decision | Ignored) -> Decision:
    assert isinstance(outcome, Decision), outcome
    return outcome


def of(outcome: Decision | Ignored, kind: type) -> list[Any]:
    return [command for command in outcome.commands if isinstance(command, kind)]


def family(
    total: int,
    *,
    concurrency: int = 0,
    required: int | None = None,
    finishes: bool = False,
    **planned: object,
) -> Planned:
    offspring = Offspring(
        scopes=[None] * total, concurrency=concurrency, required=required, finishes=finishes
    )
    return Planned(task=plan(TaskKind.EACH, **planned), offspring=offspring)


def opened(total: int, job: Job | None = None, **how: Any) -> tuple[Job, Task, Decision]:
    outcome = decided(
        decide(job or a_job(), None, TaskPlanned(TaskPosition("job", 1), family(total, **how)), NOW)
    )
    parents = [task for task in outcome.new_tasks if task.parent_id is None]
    return outcome.job, parents[0], outcome


def ended(task: Task, count: int = 1, error: str | None = None) -> list[Event]:
    return [ChildEnded("job", task.id, 100.0, error)] * count


def after(job: Job, task: Task, events: Sequence[Event]) -> tuple[Job, Task, list[Decision]]:
    outcomes = []
    for event in events:
        outcome = decided(decide(job, task, event, LATER))
        job, [task] = outcome.job, [t for t in outcome.tasks if t.id == task.id]
        outcomes.append(outcome)
    return job, task, outcomes


def asked(outcomes: Sequence[Decision]) -> int:
    return sum(question.count for o in outcomes for question in of(o, BeginChildren))


def child_of(outcome: Decision) -> tuple[Job, Task]:
    return outcome.job, next(t for t in outcome.new_tasks if t.parent_id is not None)


def child_running(**planned: object) -> tuple[Job, Task]:
    job, child = child_of(opened(2)[2])
    event = TaskPlanned(TaskKey("job", child.id), Planned(task=plan(**planned)))  # type: ignore[arg-type]  # fields of PlannedTask
    outcome = decided(decide(job, child, event, NOW))
    outcome = decided(decide(outcome.job, outcome.tasks[0], claim(child), NOW))
    return outcome.job, outcome.tasks[0]


def claim(task: Task, node: str = NODE) -> TaskClaimed:
    return TaskClaimed("job", task.id, task.dispatch, node, LEASE)


def scheduled(job: Job | None = None, **planned: object) -> tuple[Job, Task]:
    event = TaskPlanned(TaskPosition("job", 1), Planned(task=plan(**planned)))  # type: ignore[arg-type]  # fields of PlannedTask
    outcome = decided(decide(job or a_job(), None, event, NOW))
    return outcome.job, outcome.new_tasks[0]


def claimed(job: Job, task: Task) -> tuple[Job, Task]:
    outcome = decided(decide(job, task, claim(task), NOW))
    return outcome.job, outcome.tasks[0]


def running(job: Job | None = None, **planned: object) -> tuple[Job, Task]:
    return claimed(*scheduled(job, **planned))


def told(outcome: Decision | Ignored) -> list[Event]:
    return [command.event for command in of(outcome, Tell)]
