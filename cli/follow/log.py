"""The log of a job: its parts, page by page, and the whole lines in them."""

from collections import defaultdict
from dataclasses import dataclass

from cli.api.client import ApiClient, LogSource
from cli.api.session import Json
from cli.api.views import LogPartView, log_part_view
from shared.messages import PARTS_PER_DISPATCH


@dataclass(frozen=True, slots=True)
class LogLine:
    task_id: str
    text: str


class LogLines:
    """The logs of all tasks of a job. A piece that came before is passed over."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, int], _DispatchLog] = defaultdict(_DispatchLog)
        self._ended: set[str] = set()

    def add(self, part: LogPartView) -> list[LogLine]:
        """The lines that `part` completes."""
        dispatch, number = divmod(part.number - 1, PARTS_PER_DISPATCH)
        log = self._logs[part.task_id, dispatch]
        lines = log.add(number, part.contents)
        if part.task_id in self._ended and not log.has_gaps:
            lines += log.leave()
        return [LogLine(part.task_id, text) for text in lines]

    def end(self, task_id: str) -> list[LogLine]:
        """The task writes no more: what it left without a line break, unless a part is missing."""
        self._ended.add(task_id)
        ours = [log for (id_, _), log in self._logs.items() if id_ == task_id and not log.has_gaps]
        return [LogLine(task_id, text) for log in ours for text in log.leave()]

    def unfinished(self) -> list[LogLine]:
        """What will come no more: the ends of logs that lack a line break, and what stands behind
        a gap."""
        logs = self._logs.items()
        return [LogLine(id_, text) for (id_, _), log in logs for text in log.leave()]


class _DispatchLog:
    """What a task wrote on one worker: each dispatch numbers its parts anew."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, str] = {}
        self._rest = ""

    @property
    def has_gaps(self) -> bool:
        return bool(self._early)

    def add(self, number: int, contents: str) -> list[str]:
        if number >= self._next:
            self._early[number] = contents
        while self._next in self._early:
            self._rest += self._early.pop(self._next)
            self._next += 1
        *lines, self._rest = self._rest.split("\n")
        return lines

    def leave(self) -> list[str]:
        text = self._rest + "".join(self._early[number] for number in sorted(self._early))
        self._early, self._rest = {}, ""
        return text.removesuffix("\n").split("\n") if text else []


async def whole_log(api: ApiClient, source: LogSource) -> list[Json]:
    """All parts of a log as the API returns them, oldest first."""
    return await LogReader(api, source).new_parts()


class LogReader:
    """Reads a log page by page: all of it first, then what is new since the last time."""

    def __init__(self, api: ApiClient, source: LogSource) -> None:
        self._api = api
        self._source = source
        self._seen: set[tuple[str, int]] = set()
        self._lines = LogLines()

    async def new_parts(self) -> list[Json]:
        """Oldest first. The pages are newest first, so reading ends at a part that was seen."""
        found: dict[tuple[str, int], Json] = {}
        page = 1
        while parts := await self._api.log(self._source, page):
            unseen = {_key(part): part for part in parts if _key(part) not in self._seen}
            found |= unseen
            if len(unseen) < len(parts):
                break
            page += 1
        # Marked when all pages are read: parts move on to later pages while new ones arrive.
        self._seen.update(found)
        return list(found.values())[::-1]

    async def new_lines(self) -> list[LogLine]:
        """The new lines of all tasks, each task's in order."""
        parts = await self.new_parts()
        return [line for part in parts for line in self._lines.add(log_part_view(part))]

    def unfinished(self) -> list[LogLine]:
        return self._lines.unfinished()


def _key(part: Json) -> tuple[str, int]:
    return part["taskId"], part["number"]
