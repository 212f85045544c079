"""Rows of the feed as server-sent events, secrets taken out."""

from collections.abc import Iterator
from datetime import datetime

from services.coordinator.api.answers import Answer, LogPart
from services.coordinator.api.redacting import Redacting
from services.coordinator.api.views import log_part
from services.coordinator.live.event_ids import Resume, event_id, event_id_within
from services.coordinator.live.ordered import Ready
from services.coordinator.live.redactors import Redactors
from services.coordinator.store.feed import FeedRow
from shared.messages import Change

_RETRY_MILLISECONDS = 2000
_STALLED_SECONDS = 30.0


class ChangeView(Answer):
    """A job's or (with `taskId`) a task's new state or progress."""

    job_id: str
    task_id: str | None = None
    name: str | None = None
    """The job's or the task's."""
    parent_id: str | None = None
    """The task that the task, or the job, belongs to."""
    version: int
    """Rises with each change of the job."""
    state: str
    at: datetime
    position: int
    progress: float
    attempt: int | None = None
    node_id: str | None = None
    result: str | None = None
    error: str | None = None


class PartView(LogPart):
    """A log part, and the job it belongs to."""

    job_id: str


class Frames:
    content_type = "text/event-stream"
    greeting = f"retry: {_RETRY_MILLISECONDS}\n\n".encode()
    heartbeat = b": still there\n\n"
    tells_end = True
    stalled_seconds: float | None = _STALLED_SECONDS  # it comes back with Last-Event-ID

    def __init__(self, redactors: Redactors, resume: Resume) -> None:
        self._redactors = redactors
        self._resume = resume

    def of(self, ready: Ready) -> bytes:
        """All events of the row, in order; an id is given to those that one may resume after."""
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

    def end(self) -> bytes:
        """Says that this is not a lost connection, to come back to, but all there is."""
        return _frame("end", b"{}", None)

    def _part(self, row: FeedRow) -> bytes:
        assert row.part is not None  # noqa: S101 - the caller's case
        shown = log_part(row.part.row, self._redactors.of(row.sealed))
        return PartView(**shown.model_dump(), job_id=row.job_id).body()

    def _changes(self, row: FeedRow) -> Iterator[tuple[str, bytes]]:
        redact = self._redactors.of(row.sealed)
        for fields in row.changes:
            change = Change.model_validate(fields)
            yield _kind(change), _view(change, row.job_name, redact).body()


def _frame(kind: str, data: bytes, id_: str | None) -> bytes:
    named = f"id: {id_}\nevent: {kind}\n" if id_ else f"event: {kind}\n"
    return named.encode() + b"data: " + data + b"\n\n"


def _kind(change: Change) -> str:
    if change.is_progress:
        return "progress"
    return "job" if change.task_id is None else "task"


def _view(change: Change, job_name: str, redact: Redacting) -> ChangeView:
    name = job_name if change.task_id is None else change.task_name
    return ChangeView(
        job_id=change.job_id,
        task_id=change.task_id,
        name=redact.value(name) or None,
        parent_id=change.parent_id,
        version=change.version,
        state=change.state,
        at=change.at,
        position=change.position,
        progress=change.progress,
        attempt=change.attempt or None,
        node_id=change.node_id,
        result=redact.value(change.result) or None,
        error=redact.value(change.error) or None,
    )
