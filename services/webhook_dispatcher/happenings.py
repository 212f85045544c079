"""What endpoints are told of: changes of jobs and tasks as the feed has them, and notices."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from services.webhook_dispatcher.bodies import Event
from services.webhook_dispatcher.matching import Happening, Matcher
from services.webhook_dispatcher.requests import EVENTS, PHASE, job_events
from services.webhook_dispatcher.store import feed
from services.webhook_dispatcher.store.feed import Row
from services.webhook_dispatcher.store.notices import StoredNotice
from services.webhook_dispatcher.summaries import UNSET_NAMES
from shared.messages import Change
from shared.postgres.pool import Connection
from shared.process.sealing import Sealer

_Rows = Mapping[str, Mapping[str, Any]]
_ChangeDict = Mapping[str, Any]
_TIMES = ("scheduled_at", "started_at", "completed_at", "failed_at")


class Changes:
    """Those that somebody may want, with what is told of their jobs and tasks."""

    def __init__(self, asked: Matcher, jobs: _Rows, tasks: _Rows, sealer: Sealer) -> None:
        self._asked = asked
        self._jobs = jobs
        self._tasks = tasks
        self._sealer = sealer

    @classmethod
    async def read(
        cls, connection: Connection, asked: Matcher, rows: Sequence[Row], sealer: Sealer
    ) -> "Changes":
        wanted = [change for row in rows for change in _wanted(row, asked)]
        if not wanted:
            return cls(asked, {}, {}, sealer)
        jobs = await feed.jobs(connection, {change["job_id"] for change in wanted})
        of_tasks = {id_ for change in wanted if (id_ := change.get("task_id"))}
        tasks = await feed.tasks(connection, of_tasks) if of_tasks else {}
        return cls(asked, jobs, tasks, sealer)

    def of(self, row: Row) -> Iterator[tuple[Change, Happening]]:
        """Of a job that was deleted meanwhile nothing. Raises ValidationError."""
        for stored in _wanted(row, self._asked):
            if job := self._jobs.get(stored["job_id"]):
                change = self._whole(stored)
                for told in job_events(change, job, self._sealer):
                    if self._asked.asks(told.name, row.at):
                        yield change, Happening(told, row.at, job["readers"], job["tags"])

    def _whole(self, stored: _ChangeDict) -> Change:
        """With what webhooks alone are told of a task, as far as it was so at the change."""
        change = Change.model_validate(stored)
        task = self._tasks.get(change.task_id or "")
        if task is None:
            return change
        known = {name: task[name] for name in ("var", "description", "created_at")}
        times = {name: task[name] for name in _TIMES if task[name] and task[name] <= change.at}
        return change.model_copy(update={**known, **times, "tags": task["tags"] or []})


def _wanted(row: Row, asked: Matcher) -> Iterator[_ChangeDict]:
    for change in row.changes:
        is_of_task = change.get("task_id") is not None
        is_progress = change.get("is_progress", False)
        may_begin_phase = not is_progress and change.get("parent_id") is None
        names = [EVENTS[is_of_task, is_progress], *([PHASE] if may_begin_phase else [])]
        if any(asked.asks(name, row.at) for name in names):
            yield change


class NoticeEvent:
    """A notice as endpoints hear of it."""

    def __init__(self, notice: StoredNotice) -> None:
        self.name = notice.event
        self._kind = notice.event.partition(".")[0]
        self._data = {name: value for name, value in notice.data.items() if value}
        self._event = Event(notice.event, None, notice.at, self._data)

    @cached_property
    def shown_names(self) -> Mapping[str, object]:
        return {**UNSET_NAMES, "event": self.name, self._kind: self._data}

    def body(self, format_: str, payload: str) -> bytes:
        return self._event.body(format_, payload)


def of_notice(notice: StoredNotice) -> Happening:
    """The tags of a schedule are in `data`, as is the id of an endpoint."""
    is_of_endpoint = notice.event.startswith("endpoint.")
    return Happening(
        NoticeEvent(notice),
        notice.at,
        notice.readers,
        None if is_of_endpoint else notice.data.get("tags", []),
        notice.data.get("id") if is_of_endpoint else None,
    )
