"""Follows a job by the server's events, across lost connections."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Protocol

from cli.api.client import ApiClient, LogSource, ServerEvent, job_events
from cli.api.session import ApiRejected, ApiUnavailable
from cli.api.views import FINAL_JOB_STATES, job_view, log_part_view, task_view
from cli.follow.log import LogLine, LogLines, LogReader
from cli.follow.patience import Patience
from cli.follow.picture import Children, Picture, TaskNews

_NO_SUCH_PATH = 404
_END = "end"
_POLL_SECONDS = 0.5
_LOOK_SECONDS = 1.0


class Viewer(Protocol):
    """Shows a job as it goes on: the whole picture, and what of it is new."""

    def show(
        self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]
    ) -> None: ...


async def follow(
    api: ApiClient, picture: Picture, viewer: Viewer, *, with_log: bool = True
) -> None:
    """Show the job until it is final and, `with_log`, its whole log was seen. Raises ApiRejected,
    and ApiUnavailable when the API is away for a minute."""
    try:
        await _Follower(api, picture, viewer, with_log=with_log).run()
    except ApiRejected as error:
        if error.status != _NO_SUCH_PATH:
            raise
        await _poll(api, picture, viewer)


class _Follower:
    def __init__(self, api: ApiClient, picture: Picture, viewer: Viewer, *, with_log: bool) -> None:
        self._with_log = with_log
        self._api = api
        self._picture = picture
        self._viewer = viewer
        self._log = LogLines()
        self._cursor: str | None = None

    async def run(self) -> None:
        looking = asyncio.create_task(self._look())
        try:
            await self._follow()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look(self) -> None:
        """At what no event says: how many children there will be, and why nothing runs."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with suppress(ApiRejected, ApiUnavailable):  # the events tell, if it lasts
                await self._look_once()
                self._viewer.show(self._picture, (), ())

    async def _look_once(self) -> None:
        picture = self._picture
        for id_ in picture.running_parents():
            view = task_view(await self._api.task(id_))
            if view.children_total:
                picture.children[id_] = Children(view.children_total, view.children_ended or 0)
        waiting = picture.first_waiting()
        picture.waits_for = (await self._api.task(waiting)).get("waiting") if waiting else None

    async def _follow(self) -> None:
        patience = Patience()
        while True:
            try:
                if await self._listen(patience):
                    break
                await patience.bear(ApiUnavailable("the server ends its events too early"))
            except ApiUnavailable as error:  # it may be restarting
                await patience.bear(error)
        self._viewer.show(self._picture, (), self._log.unfinished())

    async def _listen(self, patience: Patience) -> bool:
        """Until the connection ends, or all that is wanted was seen; whether it was."""
        async with aclosing(job_events(self._api, self._picture.job_id, self._cursor)) as events:
            async for event in events:
                patience.renew()
                if event.kind == _END:
                    return True
                self._take(event)
                self._cursor = event.cursor or self._cursor
                if not self._with_log and self._picture.state in FINAL_JOB_STATES:
                    return True
        return False

    def _take(self, event: ServerEvent) -> None:
        if event.kind == "log":
            self._viewer.show(self._picture, (), self._log.add(log_part_view(event.data)))
        elif event.kind in ("job", "task", "progress"):
            news = self._picture.take_event(event.data)
            if news and news.has_ended:
                self._viewer.show(self._picture, (), self._log.end(news.id))
            self._viewer.show(self._picture, [news] if news else (), ())


async def _poll(api: ApiClient, picture: Picture, viewer: Viewer) -> None:
    """For Tork, which has no events: looks at the whole job again and again."""
    log = LogReader(api, LogSource("job", picture.job_id))
    while True:
        news = picture.take_job(job_view(await api.job(picture.job_id)))
        # A start is shown before the task's log lines, an end after them.
        started = [task for task in news if not task.has_ended]
        viewer.show(picture, started, await log.new_lines())
        viewer.show(picture, [task for task in news if task.has_ended], ())
        if picture.state in FINAL_JOB_STATES:
            break
        await asyncio.sleep(_POLL_SECONDS)
    viewer.show(picture, (), log.unfinished())
