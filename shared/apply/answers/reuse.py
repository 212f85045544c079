"""Tasks that end as others have, which did the same work."""

from collections.abc import Collection
from dataclasses import dataclass

from shared.apply.transaction import Rows
from shared.apply.workspace import Workspace
from shared.lifecycle import EarlierEnd, Event, TaskPlanned, TaskReused
from shared.planning.templates import TaskSource
from shared.store.reused_tasks import DoneTask, WantedTask


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task that is planned, and what has done its work before."""

    source: TaskSource
    planned: Event
    done: DoneTask | None = None

    def event(self, workspace: Workspace) -> Event:
        """To be applied at once: what it keeps is its own from then on."""
        planned, done = self.planned, self.done
        if done is None or not isinstance(planned, TaskPlanned):
            return planned
        if done.kept and not _has_room(workspace, planned.job_id, done.kept_bytes):
            return planned
        workspace.keep_again(planned.job_id, self.source.task_id, done.kept)
        end = EarlierEnd(
            task_id=done.id,
            result=done.result,
            exit_code=done.exit_code,
            kept_bytes=done.kept_bytes,
        )
        return TaskReused(planned.task, planned.planned.task, end)


async def prepared(
    rows: Rows, planned: Collection[tuple[TaskSource, Event]]
) -> dict[str, Prepared]:
    """By the ids of the tasks. One query for all."""
    wanted = {
        source.task_id: WantedTask(mark, source.job.created_by)
        for source, event in planned
        if isinstance(event, TaskPlanned) and (mark := event.planned.task.fingerprint)
    }
    done = await rows.reusable_tasks(set(wanted.values())) if wanted else {}
    return {
        source.task_id: Prepared(source, event, done.get(wanted[source.task_id]))
        if source.task_id in wanted
        else Prepared(source, event)
        for source, event in planned
    }


def _has_room(workspace: Workspace, job_id: str, kept_bytes: int) -> bool:
    """Whether the job may keep as much. In a restarted one an earlier attempt may have kept what
    would have to go: such a task runs."""
    job, most = workspace.jobs[job_id], workspace.most_kept_bytes
    return not job.restarts and (most is None or job.kept_bytes + kept_bytes <= most)
