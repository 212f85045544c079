"""The end of an attempt as its program has reported it, with the tasks that it has made."""

from collections.abc import Iterable, Mapping, Sequence

from shared.apply.transaction import Dispatch, Rows, Transaction
from shared.lifecycle import Event, SpawnedTask, Task, TaskFailed, TaskKind, TaskSucceeded
from shared.lifecycle.replacing import replace
from shared.messages import Spawned
from shared.planning.budgets import MOST_OF_SCOPES, SizeBudget, TooLarge
from shared.planning.spawned import spawned_scope
from shared.process.sealing import SealingError
from shared.store.reported_ends import ReportedEnd


async def made_by_requests(
    rows: Rows, tasks: Mapping[str, Task], events: Iterable[Event]
) -> Mapping[Dispatch, Sequence[Spawned]]:
    """What those that have succeeded have made while they ran."""
    shown = _with_token(tasks, events)
    return await rows.spawned_by(shown) if shown else {}


async def reported_by_requests(
    rows: Rows, tasks: Mapping[str, Task], events: Iterable[Event]
) -> Mapping[Dispatch, ReportedEnd]:
    """What those that have succeeded have reported of that while they ran."""
    shown = _with_token(tasks, events)
    return await rows.reported_ends(shown) if shown else {}


def _with_token(tasks: Mapping[str, Task], events: Iterable[Event]) -> set[Dispatch]:
    succeeded = [event for event in events if isinstance(event, TaskSucceeded)]
    known = [e for e in succeeded if e.task_id in tasks]
    return {(e.task_id, e.dispatch) for e in known if tasks[e.task_id].token_digest}


def made_of(event: Event, made: Mapping[Dispatch, Sequence[Spawned]]) -> Sequence[Spawned]:
    if not isinstance(event, TaskSucceeded):
        return ()
    return made.get((event.task_id, event.dispatch), ())


def as_reported(event: Event, reported: Mapping[Dispatch, ReportedEnd]) -> Event:
    """`event` with the result that its program has given, or as the failure that it has told."""
    if not isinstance(event, TaskSucceeded):
        return event
    end = reported.get((event.task_id, event.dispatch))
    if end is None:
        return event
    if end.has_failed:
        return _failed(event, "its program has reported that it failed")
    return event if end.result is None else replace(event, result=end.result)


def with_spawned(transaction: Transaction, event: Event, spawned: Sequence[Spawned]) -> Event:
    """`event` with them, or as the failure of the attempt where they can't be made."""
    tasks = transaction.workspace.tasks
    if not isinstance(event, TaskSucceeded) or (task := tasks.get(event.task_id)) is None:
        return event
    parent = tasks.get(task.parent_id or "")
    if parent is None or parent.children is None or parent.plan.kind is not TaskKind.SPAWN:
        return event
    children = parent.children
    if children.total + len(spawned) > children.most:
        rule = f"with {len(spawned):,} more than the {children.total:,} that there are"
        return _failed(event, f"too_many_tasks: {rule} they are over maxTasks, {children.most:,}")
    sealer = transaction.planner.sealer
    try:
        made = [
            SpawnedTask(one.sequence, spawned_scope(task, index, one, sealer), one.name or "")
            for index, one in enumerate(spawned, children.total)
        ]
    except SealingError as error:  # a key is missing
        return _failed(event, f"secrets: {error}")
    try:
        SizeBudget(MOST_OF_SCOPES).add_all(one.scope for one in made)
    except TooLarge:  # each has the variables of the tasks around it, too
        most = f"{MOST_OF_SCOPES:,} characters"
        return _failed(event, f"too_many_tasks: the variables of {len(made):,} are over {most}")
    return replace(event, spawned=made)


def _failed(event: TaskSucceeded, error: str) -> TaskFailed:
    return TaskFailed(
        event.job_id,
        event.task_id,
        event.dispatch,
        event.node_id,
        error=error,
        log_parts=event.log_parts,
        exit_code=event.exit_code,
        kept_bytes=event.kept_bytes,
        timings=event.timings,
        image_digest=event.image_digest,
    )
