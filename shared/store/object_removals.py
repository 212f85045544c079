"""What is to be removed from the store of files, as rows that are written in the transaction after
which no row names it. A scheduler removes what is due."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from shared.files.names import dispatch_prefix, job_prefix
from shared.lifecycle import AnnounceJob, Command, Job, RunTask

_AFTER_THE_END = timedelta(hours=1)

# In the transaction that deletes jobs, whose ids are in `deleted`.
OF_DELETED_JOBS = """
removals AS (
    INSERT INTO object_removals (prefix) SELECT id || '/' FROM deleted WHERE keeps_files
    ON CONFLICT (prefix) DO UPDATE SET due_at = now(), created_at = now()
), uploads AS (
    DELETE FROM upload_uses WHERE owner_id IN (SELECT id FROM deleted)
), secrets AS (
    DELETE FROM stored_secrets WHERE owner_id IN (SELECT id FROM deleted)
)
"""


class Removal(NamedTuple):
    """All objects whose names start with `prefix` and that no row names, after that time."""

    prefix: str
    after: timedelta = timedelta()


def removals_of(commands: Sequence[Command], jobs: Mapping[str, Job]) -> Iterator[Removal]:
    """Of what is never reported, or too late: by dispatches that no longer count and, once a job
    has ended, by any that were lost."""
    for command in commands:
        match command:
            case AnnounceJob(job, is_progress=False) if job.keeps_files and job.state.is_final:
                yield Removal(job_prefix(job.id), _AFTER_THE_END)
            case RunTask(task) if task.dispatch > 1 and jobs[task.job_id].keeps_files:
                before = dispatch_prefix(task.job_id, task.id, task.attempt, task.dispatch - 1)
                yield Removal(before)
