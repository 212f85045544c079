"""Whole lines out of the pieces of a log, which may arrive in any order."""

from collections import defaultdict
from dataclasses import dataclass

from cli.api.views import LogPartView


@dataclass(frozen=True, slots=True)
class LogLine:
    task_id: str
    text: str


class LogLines:
    """The logs of all tasks of a job. A piece that came before is passed over."""

    def __init__(self) -> None:
        self._logs: dict[str, _TaskLog] = defaultdict(_TaskLog)

    @property
    def has_gaps(self) -> bool:
        return any(log.has_gaps for log in self._logs.values())

    def add(self, part: LogPartView) -> list[LogLine]:
        """The lines that `part` completes."""
        return [LogLine(part.task_id, text) for text in self._logs[part.task_id].add(part)]

    def unfinished(self) -> list[LogLine]:
        """What will come no more: the ends of logs that lack a line break, and what stands behind
        a gap."""
        return [LogLine(id_, text) for id_, log in self._logs.items() for text in log.leave()]


class _TaskLog:
    def __init__(self) -> None:
        self._next = 1
        self._early: dict[int, str] = {}
        self._rest = ""

    @property
    def has_gaps(self) -> bool:
        return bool(self._early)

    def add(self, part: LogPartView) -> list[str]:
        if part.number >= self._next:
            self._early[part.number] = part.contents
        while self._next in self._early:
            self._rest += self._early.pop(self._next)
            self._next += 1
        *lines, self._rest = self._rest.split("\n")
        return lines

    def leave(self) -> list[str]:
        text = self._rest + "".join(self._early[number] for number in sorted(self._early))
        self._early, self._rest = {}, ""
        return text.removesuffix("\n").split("\n") if text else []
