"""The end of an attempt that has made tasks: its siblings to be, if there may be so many."""

from collections.abc import Iterable, Mapping, Sequence

from shared.apply.transaction import Dispatch, Rows, Transaction
from shared.lifecycle import Event, SpawnedTask, Task, TaskFailed, TaskKind, TaskSucceeded
from shared.lifecycle.replacing import replace
from shared.messages import Spawned
from shared.planning.budgets import MOST_OF_SCOPES, SizeBudget, TooLarge
from shared.planning.spawned import spawned_scope
from shared.process.sealing import SealingError


async def made_by_requests(
    rows: Rows, tasks: Mapping[str, Task], events: Iterable[Event]
) -> Mapping[Dispatch, Sequence[Spawned]]:
    """What those that have succeeded have made while they ran."""
    succeeded = [event for event in events if isinstance(event, TaskSucceeded)]
    shown = [e for e in succeeded if e.task_id in tasks and tasks[e.task_id].token_digest]
    return await rows.spawned_by({(e.task_id, e.dispatch) for e in shown}) if shown else {}


def made_of(event: Event, made: Mapping[Dispatch, Sequence[Spawned]]) -> Sequence[Spawned]:
    if not isinstance(event, TaskSucceeded):
        return ()
    return made.get((event.task_id, event.dispatch), ())


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
            SpawnedTask(one.sequence, spawned_scope(task.scope, index, one, sealer), one.name or "")
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
