"""The events of streams as JSON in frames, secrets taken out, and those that many streams share."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import orjson

from services.coordinator.store.feed import FeedRow, JobFacts, Kind, kind_of
from services.coordinator.store.rows import JsonObject, LogRow, shown_user
from shared.jobspec.bytenite.phases import Phase, phase_told
from shared.lifecycle import derived_id
from shared.messages import Change
from shared.planning.disclosure import Redacting

Subject: TypeAlias = tuple[str, str | None]
"""The ids of a job and of its task, or None."""

_REMEMBERED_ROWS = 5000


class RenderedEvents:
    """What was rendered for one stream and is asked for by others: the newest rows."""

    def __init__(self) -> None:
        self._rows = dict[tuple[object, ...], Sequence[tuple[Subject, bytes]]]()

    def of(
        self, key: tuple[object, ...], render: Callable[[], Sequence[tuple[Subject, bytes]]]
    ) -> Sequence[tuple[Subject, bytes]]:
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = render()
            if len(self._rows) > _REMEMBERED_ROWS:
                del self._rows[next(iter(self._rows))]
        return found


class EventBodies:
    """Changes and log parts as JSON. `access_to` says what the reader may do with a job, by its
    readers."""

    def __init__(
        self,
        redactor_of: Callable[[str | None], Redacting],
        access_to: Callable[[frozenset[str]], str],
        rendered: RenderedEvents,
    ) -> None:
        self._redactor_of = redactor_of
        self._access_to = access_to
        self._rendered = rendered

    def part(self, row: FeedRow) -> bytes:
        assert row.part is not None  # noqa: S101 - the caller's case
        fields = log_part(row.part.row, self._redactor_of(row.sealed))
        return _json(fields | {"jobId": row.job_id})

    def newest(self, row: FeedRow, kinds: frozenset[Kind]) -> Sequence[tuple[Subject, bytes]]:
        """Of its changes those that no later one of the row replaces."""
        key = (row.cursor, kinds, self._access_to(row.readers))
        return self._rendered.of(key, lambda: self._newest(row, kinds))

    def _newest(self, row: FeedRow, kinds: frozenset[Kind]) -> Sequence[tuple[Subject, bytes]]:
        changes = {
            (row.job_id, cast("str | None", change.get("task_id"))): change
            for change in row.changes
            if kind_of(change) in kinds
        }
        return [(subject, self.change(row, change, None)) for subject, change in changes.items()]

    def change(self, row: FeedRow, fields: JsonObject, id_: str | None) -> bytes:
        """A job's or (with `taskId`) a task's new state or progress; `version` rises with each."""
        change, redact = Change.model_validate(fields), self._redactor_of(row.sealed)
        shown = _change(change, row.job_name, redact)
        if change.task_id is None and row.job is not None:
            shown |= _facts(row.job, redact) | {"access": self._access_to(row.readers)}
        if row.job is not None and (row.job.partitioned_as is not None or row.job.has_stages):
            shown["phase"] = phase_in(change)
        set_ = {key: value for key, value in shown.items() if value is not None}
        return frame(_KIND_NAMES[kind_of(fields)], _json(set_), id_)


def phase_in(change: Change) -> Phase | None:
    """That of a partitioned job after a change of it or of a stage of it."""
    is_task = change.task_id is not None
    if change.is_progress or change.parent_id is not None:
        return None
    return phase_told(
        change.state,
        change.position,
        is_task=is_task,
        attempt=change.attempt,
        is_first=change.version == 0,
    )


_KIND_NAMES = {
    Kind.JOB: "job",
    Kind.TASK: "task",
    Kind.JOB_PROGRESS: "progress",
    Kind.TASK_PROGRESS: "progress",
}


def log_part(row: LogRow, redact: Redacting) -> dict[str, object]:
    """As answers and events have it."""
    ends = row.stderr or ()
    stderr = list(zip(ends[::2], ends[1::2], strict=True))
    return {
        "id": derived_id(row.task_id, row.number),
        "number": row.number,
        "taskId": row.task_id,
        "contents": redact.value(row.contents),
        "createdAt": row.created_at,
        **({"stderr": stderr} if stderr else {}),
        **({"continues": True} if row.continues else {}),
    }


def frame(kind: str, data: bytes, id_: str | None) -> bytes:
    named = f"id: {id_}\nevent: {kind}\n" if id_ else f"event: {kind}\n"
    return named.encode() + b"data: " + data + b"\n\n"


def _change(change: Change, job_name: str, redact: Redacting) -> dict[str, object]:
    name = job_name if change.task_id is None else change.task_name
    return {
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


def _facts(job: JobFacts, redact: Redacting) -> dict[str, object]:
    """As lists of jobs show them, and as they are now."""
    return {
        "tags": redact.value(list(job.tags)) or None,
        "createdBy": shown_user(job.created_by),
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "completedAt": job.completed_at,
        "failedAt": job.failed_at,
        "cancelledAt": job.cancelled_at,
        "cancelledBy": shown_user(job.cancelled_by) if job.cancelled_by else None,
        "cancelReason": redact.value(job.cancel_reason),
        "taskCount": job.task_count,
        "schedule": {"id": job.schedule_id} if job.schedule_id else None,
    }


def _json(fields: Mapping[str, object]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z)
