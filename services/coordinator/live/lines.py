"""Log parts of many tasks as one text of whole lines."""

_LONGEST_CHARACTERS = 64 * 1024


class Lines:
    """A line that has no end yet waits for it, lest another task's text comes to stand in it."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    def add(self, task_id: str, contents: str) -> str:
        """What can be shown now of the task: up to the end of its last line."""
        text = self._open.pop(task_id, "") + contents
        end = text.rfind("\n") + 1
        if len(text) - end > _LONGEST_CHARACTERS:  # no line that anyone waits for
            return text
        if end < len(text):
            self._open[task_id] = text[end:]
        return text[:end]

    def end(self, task_id: str) -> str:
        """The task writes no more: what it left, as a line."""
        rest = self._open.pop(task_id, "")
        return f"{rest}\n" if rest else ""

    def end_all(self) -> str:
        return "".join([self.end(task_id) for task_id in list(self._open)])
