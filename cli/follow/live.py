"""Follows a job by the server's events, across lost connections."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Protocol

from cli.follow.log import LogLine, LogLines, LogReader, LogSource
from cli.follow.patience import Patience
from cli.follow.picture import Children, Picture, TaskNews
from cli.views import FINAL_JOB_STATES, JobView, Json, job_view, log_part_view, task_view
from conveyor import AsyncClient, Event, NotFound, Rejected, Unavailable

_END = "end"
_POLL_SECONDS = 0.5
_LOOK_SECONDS = 1.0


class Viewer(Protocol):
    """Shows a job as it goes on: the whole picture, and what of it is new."""

    def show(
        self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]
    ) -> None: ...


async def follow(
    api: AsyncClient, picture: Picture, viewer: Viewer, *, with_log: bool = True, since: str = ""
) -> None:
    """Show the job until it is final and, `with_log`, its whole log was seen. What was before
    `since`, a time of the API, is passed over. Raises Rejected, and Unavailable when the API is
    away for a minute."""
    try:
        await _Follower(api, picture, viewer, with_log=with_log, since=since).run()
    except NotFound:
        await _poll(api, picture, viewer)


async def job_of(api: AsyncClient, id_: str) -> JobView:
    """The whole job as it is now."""
    return job_view(await api.request("GET", "/jobs/{id}", id=id_))


class _Follower:
    def __init__(
        self, api: AsyncClient, picture: Picture, viewer: Viewer, *, with_log: bool, since: str
    ) -> None:
        self._with_log, self._since = with_log, since
        self._api = api
        self._picture = picture
        self._viewer = viewer
        self._log = LogLines()
        self._cursor = ""

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
            with suppress(Rejected, Unavailable):  # the events tell, if it lasts
                await self._look_once()
                self._viewer.show(self._picture, (), ())

    async def _look_once(self) -> None:
        picture = self._picture
        for id_ in picture.running_parents():
            view = task_view(await self._task(id_))
            if view.children_total:
                picture.children[id_] = Children(view.children_total, view.children_ended or 0)
        waiting = picture.first_waiting()
        picture.waits_for = (await self._task(waiting)).get("waiting") if waiting else None

    async def _task(self, id_: str) -> Json:
        return dict(await self._api.request("GET", "/tasks/{id}", id=id_))

    async def _follow(self) -> None:
        patience = Patience()
        while True:
            try:
                await self._listen(patience)
                break
            except Unavailable as error:  # it may be restarting
                await patience.bear(error)
        self._viewer.show(self._picture, (), self._log.unfinished())

    async def _listen(self, patience: Patience) -> None:
        """Until all that is wanted was seen. Raises Unavailable when the connection ends."""
        async with aclosing(self._api.events(self._picture.job_id, self._cursor)) as events:
            async for event in events:
                patience.renew()
                if event.kind == _END:
                    return
                self._take(event)
                self._cursor = event.cursor or self._cursor
                if not self._with_log and await self._is_over():
                    return

    async def _is_over(self) -> bool:
        """The events begin with those of older versions of the job, which have ended too."""
        if self._picture.state not in FINAL_JOB_STATES:
            return False
        now = await self._api.request("GET", "/jobs/{id}", id=self._picture.job_id)
        return now["state"] in FINAL_JOB_STATES

    def _take(self, event: Event) -> None:
        at = event.data.get("at") or event.data.get("createdAt")
        if at and at < self._since:  # of an older version
            return
        if event.kind == "log":
            self._viewer.show(self._picture, (), self._log.add(log_part_view(event.data)))
        elif event.kind in ("job", "task", "progress"):
            news = self._picture.take_event(event.data)
            if news and news.has_ended:
                self._viewer.show(self._picture, (), self._log.end(news.id))
            self._viewer.show(self._picture, [news] if news else (), ())


async def _poll(api: AsyncClient, picture: Picture, viewer: Viewer) -> None:
    """For Tork, which has no events: looks at the whole job again and again."""
    log = LogReader(api, LogSource("job", picture.job_id))
    while True:
        news = picture.take_job(await job_of(api, picture.job_id))
        # A start is shown before the task's log lines, an end after them.
        started = [task for task in news if not task.has_ended]
        viewer.show(picture, started, await log.new_lines())
        viewer.show(picture, [task for task in news if task.has_ended], ())
        if picture.state in FINAL_JOB_STATES:
            break
        await asyncio.sleep(_POLL_SECONDS)
    viewer.show(picture, (), log.unfinished())
