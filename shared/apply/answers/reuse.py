"""Tasks that end as others have, which did the same work; and why the rest of them runs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from shared.apply.transaction import Transaction
from shared.apply.workspace import Workspace
from shared.lifecycle import EarlierEnd, Event, TaskPlanned, TaskReused
from shared.planning.task_reuse import Miss, difference_to, miss_of, why_not_kept
from shared.planning.templates import TaskSource
from shared.store.missed_tasks import MissedTask, NearTask
from shared.store.reused_tasks import DoneTask, WantedTask


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task that is planned, and what has done its work before; else what comes nearest."""

    source: TaskSource
    planned: Event
    done: DoneTask | None = None
    near: NearTask | None = None

    def event(self, workspace: Workspace) -> Event:
        """To be applied at once: what it keeps is its own from then on."""
        planned, done = self.planned, self.done
        if not isinstance(planned, TaskPlanned) or planned.planned.task.fingerprint is None:
            return planned
        if done is None:
            return _missed(planned, _miss(planned, self.near))
        job, most = workspace.jobs[planned.job_id], workspace.most_kept_bytes
        more = done.kept_bytes if done.kept else None
        if (reason := why_not_kept(job, more, most)) is not None:
            return _missed(planned, miss_of(reason, done.id))
        workspace.keep_again(planned.job_id, self.source.task_id, done.kept)
        end = EarlierEnd(
            task_id=done.id,
            result=done.result,
            exit_code=done.exit_code,
            kept_bytes=done.kept_bytes,
        )
        return TaskReused(planned.task, planned.planned.task, end)


async def prepared(
    transaction: Transaction, planned: Collection[tuple[TaskSource, Event]]
) -> dict[str, Prepared]:
    """By the ids of the tasks. One query for all, and as many more for those that run."""
    rows = transaction.rows
    wanted = {
        source.task_id: WantedTask(mark, source.job.created_by)
        for source, event in planned
        if isinstance(event, TaskPlanned) and (mark := event.planned.task.fingerprint)
    }
    done = await rows.reusable_tasks(set(wanted.values())) if wanted else {}
    missed = [
        _as_missed(transaction.workspace, source, wanted[source.task_id])
        for source, _ in planned
        if source.task_id in wanted and wanted[source.task_id] not in done
    ]
    near = await rows.nearest_tasks(missed) if missed else {}
    return {
        source.task_id: Prepared(
            source, event, done.get(wanted[source.task_id]), near.get(source.task_id)
        )
        if source.task_id in wanted
        else Prepared(source, event)
        for source, event in planned
    }


def _as_missed(workspace: Workspace, source: TaskSource, wanted: WantedTask) -> MissedTask:
    child = None if source.child_id is None else workspace.tasks[source.child_id]
    return MissedTask(
        wanted,
        source.task_id,
        source.job.job_id,
        source.job.name,
        source.position,
        None if child is None else child.child_index,
    )


def _miss(planned: TaskPlanned, near: NearTask | None) -> Mapping[str, object]:
    if near is None:
        return miss_of(Miss.NEW)
    if near.is_banned:
        return miss_of(Miss.BANNED, near.id)
    if near.did_the_same:
        return miss_of(Miss.IMAGE if near.is_outdated else Miss.FILES, near.id)
    return difference_to(dict(planned.planned.task.definition), near.id, near.definition)


def _missed(planned: TaskPlanned, miss: Mapping[str, object]) -> TaskPlanned:
    task = replace(planned.planned.task, reuse_miss=miss)
    return replace(planned, planned=replace(planned.planned, task=task))
