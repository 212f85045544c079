"""Rows of the feed on the wire, secrets taken out: as server-sent events, or as the text of a log.

An event's id is to resume after: `txid-seq` is a place in the feed, `txid-seq-n` is after the first
n of the changes at that place, `txid-seq-end` after the last event of all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.coordinator.live.event_bodies import EventBodies, Subject, frame
from services.coordinator.live.follower import Ready
from services.coordinator.store.feed import ALL_KINDS, Cursor, FeedRow, Kind, kind_of
from shared.lifecycle import TaskState
from shared.planning.disclosure import Redacting

_RETRY_MILLISECONDS = 2000
_STALLED_SECONDS = 30.0
_ID = re.compile(r"(\d{1,19})-(\d{1,19})(?:-(\d{1,9}|end))?")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Resume:
    """Read from `cursor` on, and leave out the first `done` changes at the place `partly`.
    `is_end`: all was told."""

    cursor: Cursor
    partly: Cursor | None = None
    done: int = 0
    is_end: bool = False


def event_id(place: Cursor) -> str:
    return f"{place.txid}-{place.seq}"


def event_id_within(place: Cursor, done: int) -> str:
    """After the first `done` changes at `place`; there are more of them."""
    return f"{place.txid}-{place.seq}-{done}"


def resume_after(given: str) -> Resume:
    """Raises ValueError for what is no id of ours."""
    match = _ID.fullmatch(given)
    if match is None:
        raise ValueError("must be the id of an event, as 742-3")
    txid, seq = int(match[1]), int(match[2])
    if max(txid, seq) > _LARGEST:
        raise ValueError(f"holds a number over {_LARGEST}")
    if match[3] in (None, "end"):
        return Resume(Cursor(txid, seq), is_end=match[3] is not None)
    return Resume(Cursor(txid, max(seq - 1, 0)), Cursor(txid, seq), int(match[3]))


class _Events:
    """What all streams of server-sent events share."""

    content_type = "text/event-stream"
    # No blank line after these: some clients take it for the end of an event, which is empty.
    greeting = b": hello\n"
    heartbeat = b": still there\n"
    tells_end = True
    stalled_seconds: float | None = _STALLED_SECONDS  # it comes back with Last-Event-ID

    def __init__(self, told: Cursor) -> None:
        self._told = told
        self._first = f"retry: {_RETRY_MILLISECONDS}\n".encode()

    def end(self) -> bytes:
        """Says that this is not a lost connection, to come back to, but all there is."""
        return self._with_retry(frame("end", b"{}", f"{event_id(self._told)}-end"))

    def _with_retry(self, frames: bytes) -> bytes:
        """The first event says how soon to come back: alone it would look like an empty event."""
        first, self._first = (self._first, b"") if frames else (b"", self._first)
        return first + frames


class Frames(_Events):
    """Every event of some kinds, in order."""

    def __init__(
        self, events: EventBodies, resume: Resume, kinds: frozenset[Kind] = ALL_KINDS
    ) -> None:
        super().__init__(resume.cursor)
        self._events = events
        self._resume = resume
        self._kinds = kinds

    def of(self, ready: Sequence[Ready]) -> Iterator[bytes]:
        """An id is given to those that one may resume after."""
        for each in ready:
            self._told = each.resume or self._told
            yield self._with_retry(self._frames(each))

    def _frames(self, ready: Ready) -> bytes:
        row = ready.row
        whole = event_id(ready.resume) if ready.resume else None
        if row.part is not None:
            is_wanted = Kind.LOG in self._kinds
            return frame("log", self._events.part(row), whole) if is_wanted else b""
        last = len(row.changes)
        return b"".join(
            self._events.change(
                row, change, whole if n == last else whole and event_id_within(row.cursor, n)
            )
            for n, change in enumerate(row.changes, start=1)
            if kind_of(change) in self._kinds
            and (row.cursor != self._resume.partly or n > self._resume.done)
        )


class NewestFrames(_Events):
    """Of each job and task the newest event of those that come together; no logs."""

    def __init__(self, events: EventBodies, told: Cursor, kinds: frozenset[Kind]) -> None:
        super().__init__(told)
        self._events = events
        self._kinds = kinds

    def of(self, ready: Sequence[Ready]) -> Iterator[bytes]:
        """All at once: after the last of them one may resume."""
        newest = dict[Subject, bytes]()
        for each in ready:
            self._told = each.resume or self._told
            for subject, data in self._events.newest(each.row, self._kinds):
                newest.pop(subject, None)  # it comes when its newest event does
                newest[subject] = data
        if newest:
            *others, last = newest.values()
            place = f"id: {event_id(self._told)}\n".encode()
            yield self._with_retry(b"".join([*others, place, last]))


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

    def rest_of(self, task_id: str) -> str:
        """What is left of the task, as a line."""
        return self._as_lines([task_id] if task_id in self._open else [])

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

    def __init__(self, redactor_of: Callable[[str | None], Redacting]) -> None:
        self._redactor_of = redactor_of
        self._lines = Lines()

    def of(self, ready: Sequence[Ready]) -> Iterator[bytes]:
        for each in ready:
            yield self.text_of(each).encode()

    def text_of(self, ready: Ready) -> str:
        text = self._whole_lines(ready.row)
        # Else a part that is held back may belong before the end of the line.
        if ready.resume is not None:
            text += self._lines.ended()
        return text

    def end(self) -> bytes:
        return self._lines.all().encode()

    def _whole_lines(self, row: FeedRow) -> str:
        if row.part is not None:
            contents = self._redactor_of(row.sealed).value(row.part.row.contents)
            return self._lines.add(row.part.row.task_id, contents)
        for change in row.changes:
            if change.get("task_id") and TaskState(str(change["state"])).is_final:
                self._lines.end(str(change["task_id"]))
        return ""


class TaskLogText(JobLogText):
    """The log of one task, just as it was written."""

    def text_of(self, ready: Ready) -> str:
        row = ready.row
        if row.part is None:
            return ""
        return self._redactor_of(row.sealed).value(row.part.row.contents)
