"""Follows one job over the API until it ends: its tasks, its progress, its log in order."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from cli.api_client import ApiClient, JobView, LogPartView

_POLL_SECONDS = 0.1
_LAST_PARTS_SECONDS = 5.0
FINAL_STATES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class LogLine:
    task_id: str
    text: str


class Viewer(Protocol):
    """Shows a job as it goes on; called with its present state and the lines new since then."""

    def update(self, job: JobView, lines: Sequence[LogLine]) -> None: ...


async def follow(api: ApiClient, job_id: str, viewer: Viewer) -> JobView:
    """Show the job until it is in a final state and its whole log was seen; its last state."""
    log = _LogReader(api, job_id)
    while True:
        # The job first: a log read after a final state lacks nothing that was on its way then.
        job = await api.job(job_id)
        viewer.update(job, await log.new_lines(job))
        if job.state in FINAL_STATES:
            break
        await asyncio.sleep(_POLL_SECONDS)
    viewer.update(job, await _last_lines(log, job))
    return job


async def _last_lines(log: "_LogReader", job: JobView) -> list[LogLine]:
    """What of the log arrives after the job's end: a task's last part may overtake earlier ones."""
    lines: list[LogLine] = []
    for _ in range(round(_LAST_PARTS_SECONDS / _POLL_SECONDS)):
        if not log.has_gaps:
            break
        await asyncio.sleep(_POLL_SECONDS)
        lines += await log.new_lines(job)
    return lines + log.unfinished_lines()


class _LogReader:
    """Reads what is new in a job's log, each part once, each task's parts in order."""

    def __init__(self, api: ApiClient, job_id: str) -> None:
        self._api = api
        self._job_id = job_id
        self._seen: set[tuple[str, int]] = set()
        self._logs: dict[str, _TaskLog] = defaultdict(_TaskLog)

    @property
    def has_gaps(self) -> bool:
        return any(log.has_gaps for log in self._logs.values())

    async def new_lines(self, job: JobView) -> list[LogLine]:
        """Those of the tasks that `job` knows; a task made since then has its turn next time."""
        known = {task.id for task in job.execution}
        return [
            LogLine(part.task_id, line)
            for part in await self._new_parts(known)
            for line in self._logs[part.task_id].add(part)
        ]

    def unfinished_lines(self) -> list[LogLine]:
        """The ends of logs that lack a line break."""
        return [LogLine(id_, log.rest) for id_, log in self._logs.items() if log.rest]

    async def _new_parts(self, known: Set[str]) -> list[LogPartView]:
        """Oldest first. Pages come newest first, so reading ends where something seen appears."""
        found: list[LogPartView] = []
        page = 1
        while parts := await self._api.log(self._job_id, page):
            unseen = [part for part in parts if (part.task_id, part.number) not in self._seen]
            found += [part for part in unseen if part.task_id in known]
            if len(unseen) < len(parts):
                break
            page += 1
        # Marked when all pages are read: parts move on to later pages while new ones arrive.
        fresh = {(part.task_id, part.number): part for part in found[::-1]}
        self._seen.update(fresh)
        return list(fresh.values())


class _TaskLog:
    """Makes lines of one task's parts, which may arrive in any order."""

    def __init__(self) -> None:
        self._next = 1
        self._early: dict[int, str] = {}
        self.rest = ""

    @property
    def has_gaps(self) -> bool:
        return bool(self._early)

    def add(self, part: LogPartView) -> list[str]:
        """The lines that `part` completes."""
        self._early[part.number] = part.contents
        while self._next in self._early:
            self.rest += self._early.pop(self._next)
            self._next += 1
        *lines, self.rest = self.rest.split("\n")
        return lines
