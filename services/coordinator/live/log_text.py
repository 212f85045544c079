"""Rows of the feed as the plain text of a log, secrets taken out."""

from services.coordinator.live.lines import Lines
from services.coordinator.live.ordered import Ready
from services.coordinator.redaction import Redactors
from services.coordinator.store.feed import FeedRow
from shared.lifecycle import TaskState


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
