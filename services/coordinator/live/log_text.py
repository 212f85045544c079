"""Rows of the feed as the plain text of a log, in whole lines, secrets taken out."""

from collections.abc import Iterable

from services.coordinator.live.ordering import Ready
from services.coordinator.redaction import Redactors
from services.coordinator.store.feed import FeedRow
from shared.lifecycle import TaskState

_LONGEST_CHARACTERS = 64 * 1024
_REMEMBERED_TASKS = 1000  # of those that have ended; parts that come later do so within seconds


class Lines:
    """A line that has no end yet waits for it, lest another task's text comes to stand in it."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}
        self._ended: dict[str, None] = {}  # the oldest first

    def add(self, task_id: str, contents: str) -> str:
        """What can be shown now of the task: up to the end of its last line."""
        text = self._open.pop(task_id, "") + contents
        end = text.rfind("\n") + 1
        if len(text) - end > _LONGEST_CHARACTERS:  # no line that anyone waits for
            return text
        if end < len(text):
            self._open[task_id] = text[end:]
        return text[:end]

    def end(self, task_id: str) -> None:
        """The task writes no more, though parts of what it wrote may still come."""
        self._ended[task_id] = None
        if len(self._ended) > _REMEMBERED_TASKS:
            del self._ended[next(iter(self._ended))]

    def ended(self) -> str:
        """What is left of tasks that have ended, as lines: to be asked when no part is awaited."""
        return self._as_lines([task_id for task_id in self._open if task_id in self._ended])

    def all(self) -> str:
        """What is left of all tasks."""
        return self._as_lines(list(self._open))

    def _as_lines(self, task_ids: Iterable[str]) -> str:
        return "".join(f"{self._open.pop(task_id)}\n" for task_id in task_ids)


class JobLogText:
    """The log of all tasks of a job, line by line."""

    content_type = "text/plain; charset=utf-8"
    greeting = heartbeat = b""  # there is nothing to say in a text but the text
    tells_end = False
    stalled_seconds: float | None = None  # who reads page by page may take their time

    def __init__(self, redactors: Redactors) -> None:
        self._redactors = redactors
        self._lines = Lines()

    def of(self, ready: Ready) -> bytes:
        text = self._whole_lines(ready.row)
        # Else a part that is held back may belong before the end of the line.
        if ready.resume is not None:
            text += self._lines.ended()
        return text.encode()

    def end(self) -> bytes:
        return self._lines.all().encode()

    def _whole_lines(self, row: FeedRow) -> str:
        if row.part is not None:
            contents = self._redactors.of(row.sealed).value(row.part.row.contents)
            return self._lines.add(row.part.row.task_id, contents)
        for change in row.changes:
            if change.get("task_id") and TaskState(str(change["state"])).is_final:
                self._lines.end(str(change["task_id"]))
        return ""


class TaskLogText(JobLogText):
    """The log of one task, just as it was written."""

    def of(self, ready: Ready) -> bytes:
        row = ready.row
        if row.part is None:
            return b""
        return self._redactors.of(row.sealed).value(row.part.row.contents).encode()
