"""The log of a job: its parts, page by page, and the whole lines in them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cli.views import Json, LogPartView, log_part_view
from conveyor import AsyncClient
from shared.messages import PARTS_PER_DISPATCH

LARGEST_LOG_PAGE = 100


@dataclass(frozen=True, slots=True)
class LogSource:
    """Whose log: a `job`'s, or that of one attempt at a `task`."""

    kind: Literal["job", "task"]
    id: str

    @property
    def path(self) -> str:
        return "/jobs/{id}/log" if self.kind == "job" else "/tasks/{id}/log"


@dataclass(frozen=True, slots=True)
class LogLine:
    """`at` is when its end arrived."""

    task_id: str
    text: str
    at: str = ""
    is_stderr: bool = False


class LogLines:
    """The logs of all tasks of a job. A piece that came before is passed over."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, int], _DispatchLog] = defaultdict(_DispatchLog)
        self._ended: set[str] = set()

    def add(self, part: LogPartView) -> list[LogLine]:
        """The lines that `part` completes."""
        dispatch, number = divmod(part.number - 1, PARTS_PER_DISPATCH)
        log = self._logs[part.task_id, dispatch]
        lines = log.add(number, part)
        log.at = part.created_at
        if part.task_id in self._ended and not log.has_gaps:
            lines += log.leave()
        return [LogLine(part.task_id, text, part.created_at, marked) for text, marked in lines]

    def begin(self, part: LogPartView) -> None:
        """Of its log nothing before it is wanted."""
        dispatch, number = divmod(part.number - 1, PARTS_PER_DISPATCH)
        self._logs[part.task_id, dispatch].begin(number)

    def end(self, task_id: str) -> list[LogLine]:
        """The task writes no more: what it left without a line break, unless a part is missing."""
        self._ended.add(task_id)
        ours = [log for (id_, _), log in self._logs.items() if id_ == task_id and not log.has_gaps]
        return [LogLine(task_id, text, log.at, on) for log in ours for text, on in log.leave()]

    def unfinished(self) -> list[LogLine]:
        """What will come no more: the ends of logs that lack a line break, and what stands behind
        a gap."""
        logs = self._logs.items()
        return [
            LogLine(id_, text, log.at, on) for (id_, _), log in logs for text, on in log.leave()
        ]


_Marked = tuple[str, bool]
"""A line, and whether it came from stderr."""


class _DispatchLog:
    """What a task wrote on one worker: each dispatch numbers its parts anew."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, LogPartView] = {}
        self._rest: _Marked = ("", False)
        self.at = ""

    @property
    def has_gaps(self) -> bool:
        return bool(self._early)

    def begin(self, number: int) -> None:
        self._next = number if not self._next else min(self._next, number)

    def add(self, number: int, part: LogPartView) -> list[_Marked]:
        if number >= self._next:
            self._early[number] = part
        lines: list[_Marked] = []
        while self._next in self._early:
            lines += self._joined(self._early.pop(self._next))
            self._next += 1
        return lines

    def leave(self) -> list[_Marked]:
        lines = [
            line for number in sorted(self._early) for line in self._joined(self._early[number])
        ]
        rest, self._rest, self._early = self._rest, ("", False), {}
        return [*lines, rest] if rest[0] else lines

    def _joined(self, part: LogPartView) -> list[_Marked]:
        """The lines that it ends; what is behind them waits."""
        marked = {n for first, last in part.stderr for n in range(first, last + 1)}
        (text, was_marked), pieces = self._rest, part.contents.split("\n")
        lines = [(piece, n in marked) for n, piece in enumerate(pieces, 1)]
        lines[0] = (text + pieces[0], was_marked if text else 1 in marked)
        *lines, self._rest = lines
        return lines


class LogReader:
    """Reads a log page by page: all of it first, or its end, then what is new since the last time.

    `since` and `tail` (a number of lines) bound the first time, from the newest part backwards.
    `is_complete`: no part was still on its way when it was read last.
    """

    def __init__(
        self,
        api: AsyncClient,
        source: LogSource,
        *,
        since: datetime | None = None,
        tail: int | None = None,
    ) -> None:
        self._api = api
        self._source = source
        self._since = since
        self._tail = tail
        self._seen: set[tuple[str, int]] = set()
        self._lines = LogLines()
        self.is_complete = False

    async def new_parts(self) -> list[Json]:
        """Oldest first. The pages are newest first, so reading ends at a part that was seen."""
        found: dict[tuple[str, int], Json] = {}
        page = 1
        self.is_complete = True
        while parts := await self._page(page):
            unseen = {_key(part): part for part in parts if self._is_wanted(part)}
            found |= unseen
            if len(unseen) < len(parts) or self._is_enough(found.values()):
                break
            page += 1
        # Marked when all pages are read: parts move on to later pages while new ones arrive.
        self._seen.update(found)
        return list(found.values())[::-1]

    async def _page(self, number: int) -> Sequence[Json]:
        query = {"page": number, "size": LARGEST_LOG_PAGE}
        answer = await self._api.request("GET", self._source.path, query=query, id=self._source.id)
        self.is_complete &= bool(answer.get("complete", True))  # Tork does not say
        return answer.get("items") or ()

    def _is_wanted(self, part: Json) -> bool:
        if _key(part) in self._seen:
            return False
        at = datetime.fromisoformat(part["createdAt"]) if self._since else None
        return self._since is None or at is None or at >= self._since

    def _is_enough(self, parts: Iterable[Json]) -> bool:
        """Whether the last lines are in them: the first of them may lack its beginning."""
        if self._tail is None or self._seen:
            return False
        lines: int = sum(part.get("contents", "").count("\n") for part in parts)
        return lines > self._tail + 1

    async def new_lines(self) -> list[LogLine]:
        """The new lines of all tasks, each task's in order."""
        return [line for part in await self._new_views() for line in self._lines.add(part)]

    async def all_lines(self) -> list[LogLine]:
        """The same for a log that is read once: what a task leaves without a line break comes
        before what the next one says."""
        parts = await self._new_views()
        last = {part.task_id: part for part in parts}
        lines: list[LogLine] = []
        for part in parts:
            lines += self._lines.add(part)
            if part is last[part.task_id]:
                lines += self._lines.end(part.task_id)
        return lines + self.unfinished()

    async def _new_views(self) -> list[LogPartView]:
        is_first = not self._seen
        parts = [log_part_view(part) for part in await self.new_parts()]
        if is_first and (self._since or self._tail is not None):
            for part in parts:
                self._lines.begin(part)
        return parts

    def unfinished(self) -> list[LogLine]:
        return self._lines.unfinished()


def _key(part: Json) -> tuple[str, int]:
    return part["taskId"], part["number"]
