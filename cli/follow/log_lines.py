"""Whole lines out of the pieces of a log, which may arrive in any order."""

from collections import defaultdict
from dataclasses import dataclass

from cli.api.views import LogPartView
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

    @property
    def has_gaps(self) -> bool:
        return any(log.has_gaps for log in self._logs.values())

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
