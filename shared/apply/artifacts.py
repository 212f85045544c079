"""The end of an attempt that has kept artifacts: their rows beside it, if its report counts."""

from collections.abc import Mapping, Sequence

from shared.apply.transaction import Rows
from shared.apply.workspace import Outcome, Workspace
from shared.files.names import dispatch_prefix
from shared.lifecycle import (
    Decision,
    Event,
    Task,
    TaskFailed,
    TaskState,
    TaskSucceeded,
    task_id_of,
    within_quota,
)
from shared.lifecycle.replacing import replace
from shared.messages import KeptArtifact
from shared.store.artifacts import NOTHING, Replaced


async def earlier_attempts(
    rows: Rows, workspace: Workspace, ends: Sequence[Event]
) -> Mapping[str, Replaced]:
    """What they have kept, by the id of the attempt that ends."""
    ended = [workspace.tasks.get(task_id_of(event) or "") for event in ends]
    ids = [task.id for task in ended if task is not None and workspace.may_replace(task)]
    return await rows.replaced_by(ids) if ids else {}


def end_attempt(workspace: Workspace, event: Event, kept: Sequence[KeptArtifact]) -> Outcome:
    """Of a task counts what its last attempt that kept anything has kept."""
    job, task = workspace.jobs.get(event.job_id), workspace.tasks.get(task_id_of(event) or "")
    if job is None or task is None or not isinstance(event, TaskSucceeded | TaskFailed):
        return workspace.apply_event(event)
    size = sum(artifact.size for artifact in kept)
    asked = replace(event, kept_bytes=size - workspace.earlier.get(task.id, NOTHING).size)
    counted = within_quota(job, asked, workspace.most_kept_bytes)
    outcome = workspace.apply_event(counted)
    if _is_end(outcome, task):
        if counted is asked:
            workspace.keep(task, kept)
        else:
            place = task.job_id, task.id, task.attempt, task.dispatch
            workspace.remove_objects(dispatch_prefix(*place))
    return outcome


def _is_end(outcome: Outcome, before: Task) -> bool:
    """What is said of a task that was ended before only tells the length of its log."""
    return isinstance(outcome, Decision) and before.state is TaskState.RUNNING
