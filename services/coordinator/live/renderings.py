"""Rows of the feed on the wire, secrets taken out: as server-sent events, or as the text of a log.

An event's id is to resume after: `txid-seq` is a place in the feed, `txid-seq-n` is after the first
n of the changes at that place, `txid-seq-end` after the last event of all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from services.coordinator.live.follower import Ready
from services.coordinator.store.feed import Cursor, FeedRow
from shared.lifecycle import TaskState, derived_id
from shared.messages import Change
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


class Frames:
    content_type = "text/event-stream"
    # No blank line after these: some clients take it for the end of an event, which is empty.
    greeting = b": hello\n"
    heartbeat = b": still there\n"
    tells_end = True
    stalled_seconds: float | None = _STALLED_SECONDS  # it comes back with Last-Event-ID

    def __init__(self, redactor_of: Callable[[str | None], Redacting], resume: Resume) -> None:
        self._redactor_of = redactor_of
        self._resume = resume
        self._told = resume.cursor
        self._first = f"retry: {_RETRY_MILLISECONDS}\n".encode()

    def of(self, ready: Ready) -> bytes:
        """All events of the row, in order; an id is given to those that one may resume after."""
        self._told = ready.resume or self._told
        return self._with_retry(self._frames(ready))

    def end(self) -> bytes:
        """Says that this is not a lost connection, to come back to, but all there is."""
        return self._with_retry(_frame("end", b"{}", f"{event_id(self._told)}-end"))

    def _with_retry(self, frames: bytes) -> bytes:
        """The first event says how soon to come back: alone it would look like an empty event."""
        first, self._first = (self._first, b"") if frames else (b"", self._first)
        return first + frames

    def _frames(self, ready: Ready) -> bytes:
        row = ready.row
        whole = event_id(ready.resume) if ready.resume else None
        if row.part is not None:
            return _frame("log", self._part(row), whole)
        last = len(row.changes)
        return b"".join(
            _frame(kind, body, whole if n == last else whole and event_id_within(row.cursor, n))
            for n, (kind, body) in enumerate(self._changes(row), start=1)
            if row.cursor != self._resume.partly or n > self._resume.done
        )

    def _part(self, row: FeedRow) -> bytes:
        assert row.part is not None  # noqa: S101 - the caller's case
        part = row.part.row
        return _json(
            {
                "id": derived_id(part.task_id, part.number),
                "number": part.number,
                "taskId": part.task_id,
                "contents": self._redactor_of(row.sealed).value(part.contents),
                "createdAt": part.created_at,
                "jobId": row.job_id,
            }
        )

    def _changes(self, row: FeedRow) -> Iterator[tuple[str, bytes]]:
        redact = self._redactor_of(row.sealed)
        for fields in row.changes:
            change = Change.model_validate(fields)
            yield _kind(change), _change(change, row.job_name, redact)


def _frame(kind: str, data: bytes, id_: str | None) -> bytes:
    named = f"id: {id_}\nevent: {kind}\n" if id_ else f"event: {kind}\n"
    return named.encode() + b"data: " + data + b"\n\n"


def _kind(change: Change) -> str:
    if change.is_progress:
        return "progress"
    return "job" if change.task_id is None else "task"


def _change(change: Change, job_name: str, redact: Redacting) -> bytes:
    """A job's or (with `taskId`) a task's new state or progress; `version` rises with each."""
    name = job_name if change.task_id is None else change.task_name
    fields = {
        "jobId": change.job_id,
        "taskId": change.task_id,
        "name": redact.value(name) or None,
        "parentId": change.parent_id,
        "version": change.version,
        "state": change.state,
        "at": change.at,
        "position": change.position,
        "progress": change.progress,
        "attempt": change.attempt or None,
        "nodeId": change.node_id,
        "size": change.size,
        "result": redact.value(change.result) or None,
        "error": redact.value(change.error) or None,
    }
    return _json({key: value for key, value in fields.items() if value is not None})


def _json(fields: Mapping[str, object]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z)


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

    def __init__(self, redactor_of: Callable[[str | None], Redacting]) -> None:
        self._redactor_of = redactor_of
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
            contents = self._redactor_of(row.sealed).value(row.part.row.contents)
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
        return self._redactor_of(row.sealed).value(row.part.row.contents).encode()
