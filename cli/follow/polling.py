"""Follows a job by asking again and again: the demo's way, and that of a server without events."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from cli.api.client import ApiClient, LogSource
from cli.api.errors import ApiUnavailable
from cli.api.views import FINAL_JOB_STATES, JobView, job_view
from cli.follow.log_lines import LogLine
from cli.follow.log_reading import LogReader
from cli.follow.patience import Patience

_POLL_SECONDS = 0.1
_SLOWER_EACH_TIME = 1.1
_LAST_PARTS_SECONDS = 5.0


class JobViewer(Protocol):
    """Shows a job as it goes on; called with its present state and the lines new since then."""

    def update(self, job: JobView, lines: Sequence[LogLine]) -> None: ...


async def poll(
    api: ApiClient, job_id: str, viewer: JobViewer, *, slowest_seconds: float = _POLL_SECONDS
) -> JobView:
    """Show the job until it is in a final state and its whole log was seen; its last state."""
    log = LogReader(api, LogSource("job", job_id))
    patience = Patience()
    pause = _POLL_SECONDS
    while True:
        try:
            job = await _look(api, job_id, log, viewer)
            patience.renew()
        except ApiUnavailable as error:  # it may be restarting
            await patience.bear(error)
            continue
        if job.state in FINAL_JOB_STATES:
            break
        await asyncio.sleep(pause)
        pause = min(pause * _SLOWER_EACH_TIME, slowest_seconds)
    viewer.update(job, await _last_lines(log, job))
    return job


async def _look(api: ApiClient, job_id: str, log: LogReader, viewer: JobViewer) -> JobView:
    # The job first: a log read after a final state lacks nothing that was on its way then.
    job = job_view(await api.job(job_id))
    viewer.update(job, await log.new_lines(_task_ids(job)))
    return job


async def _last_lines(log: LogReader, job: JobView) -> list[LogLine]:
    """What of the log arrives after the job's end: a task's last part may overtake earlier ones."""
    lines: list[LogLine] = []
    for _ in range(round(_LAST_PARTS_SECONDS / _POLL_SECONDS)):
        if not log.has_gaps:
            break
        await asyncio.sleep(_POLL_SECONDS)
        lines += await log.new_lines(_task_ids(job))
    return lines + log.unfinished()


def _task_ids(job: JobView) -> frozenset[str]:
    """Lines of a task that the job doesn't know yet have their turn next time."""
    return frozenset(task.id for task in job.execution)
