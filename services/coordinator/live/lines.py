"""Log parts of many tasks as one text of whole lines."""

from collections.abc import Iterable

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
