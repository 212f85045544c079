"""The end of an attempt that has made tasks: its siblings to be, if there may be so many."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import Event, SpawnedTask, TaskFailed, TaskKind, TaskSucceeded
from shared.lifecycle.replacing import replace
from shared.messages import Spawned
from shared.planning.budgets import MOST_OF_SCOPES, SizeBudget, TooLarge
from shared.planning.spawned import spawned_scope
from shared.process.sealing import SealingError


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
