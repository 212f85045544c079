"""What the events of a spawn make of it: its children make others, one sequence after the other."""

from collections.abc import Iterator
from datetime import datetime

from shared.lifecycle import spawn_events as e
from shared.lifecycle.beginnings import begin_more
from shared.lifecycle.child_rules import come_to, open_children
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.keys import derived_id
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import TaskState
from shared.lifecycle.values import NOT_PLANNED, Children, Job, Task


def on_children_spawned(
    job: Job, task: Task, event: e.ChildrenSpawned, now: datetime
) -> Decision | Ignored:
    """None of them begins yet: the end of the one that made them is told next."""
    before = open_children(task)
    if isinstance(before, Ignored):
        return before
    builder = DecisionBuilder(job)
    children = _with_spawned(before, event)
    further = replace(task, children=children)
    come_to(builder, further, task.progress * before.total / children.total)
    for child in _spawned(task, before.total, event, now):
        builder.add_task(child)
    return builder.build()


def on_sequence_opened(job: Job, task: Task, event: e.SequenceOpened) -> Decision | Ignored:
    children = open_children(task)
    if isinstance(children, Ignored):
        return children
    if not children.is_sequence_over:
        return Ignored("some of the sequence before have not ended")
    builder = DecisionBuilder(job)
    opened = replace(children, sequence=event.sequence, opened=(children.opened or 0) + event.count)
    builder.tasks[task.id] = begin_more(builder, task, opened)
    return builder.build()


def _with_spawned(children: Children, event: e.ChildrenSpawned) -> Children:
    count, opened = len(event.spawned), children.opened
    if opened is not None:
        opened += sum(one.sequence <= children.sequence for one in event.spawned)
    return replace(
        children,
        total=children.total + count,
        required=children.required + count,
        opened=opened,
    )


def _spawned(task: Task, first: int, event: e.ChildrenSpawned, now: datetime) -> Iterator[Task]:
    for child_index, one in enumerate(event.spawned, first):
        yield Task(
            id=derived_id(task.id, child_index),
            job_id=task.job_id,
            position=task.position,
            plan=replace(NOT_PLANNED, name=one.name) if one.name else NOT_PLANNED,
            state=TaskState.CREATED,
            created_at=now,
            parent_id=task.id,
            child_index=child_index,
            scope=one.scope,
            sequence=one.sequence,
        )
