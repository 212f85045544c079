"""What the client can do, by what it does it to. Every call raises ConveyorError."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from conveyor._sync.transport import Transport, items_of
from conveyor.errors import Unavailable, UnexpectedAnswer
from conveyor.http import JobLike, following, new_key
from conveyor.lazy import models as m

if TYPE_CHECKING:
    from conveyor.model import Answer

_T = TypeVar("_T", bound="Answer")

_PAGE_SIZE = 20
_LOG_PAGE_SIZE = 100
_TASKS_PAGE_SIZE = 500
_MOST_MATCHES = 10_000
_LOG_SILENCE_SECONDS = 900.0
"""A log holds no signs of life, and coming back means reading it anew."""


class Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._call = transport.call

    def _pages(
        self,
        template: str,
        kind: type[_T],
        size: int = _PAGE_SIZE,
        **parts: Any,  # noqa: ANN401 - as `request` takes them
    ) -> Iterator[_T]:
        """The items of all pages, each page asked for when it is needed. What has moved to the next
        page meanwhile comes once."""
        query = parts.pop("query", {})
        seen: set[str] = set()
        which: Mapping[str, Any] | None = {"page": 1}
        while which:
            page = self._call("GET", template, query={**query, **which, "size": size}, **parts)
            for item in items_of(page):
                id_ = str(item.get("id", ""))
                if not id_ or id_ not in seen:
                    yield kind.of(item)
                seen.add(id_)
            which = following(which, page)

    def _log(self, template: str, id_: str) -> str:
        pages = self._pages(template, m.LogPart, _LOG_PAGE_SIZE, id=id_)
        parts = [part for part in pages]
        return "".join(part.contents for part in reversed(parts))

    def _log_lines(self, template: str, id_: str, first: int, size: int) -> m.LogLines:
        query = {"first": first, "size": size}
        return m.LogLines.of(self._call("GET", template, query=query, id=id_))

    def _find_in_log(
        self, template: str, id_: str, text: str, regex: bool, case: bool
    ) -> m.LogMatches:
        query = {"q": text, "regex": regex, "case": case, "size": _MOST_MATCHES}
        return m.LogMatches.of(self._call("GET", template, query=query, id=id_))

    def _follow_log(self, template: str, id_: str) -> Generator[str]:
        given = 0
        pauses = self._transport.pauses()
        while True:
            try:
                with self._transport.stream(
                    template, query={"follow": True}, silence_seconds=_LOG_SILENCE_SECONDS, id=id_
                ) as stream:
                    if stream.content_type != "text/plain":
                        raise UnexpectedAnswer("the server can't follow logs")
                    seen = 0
                    for line in stream.lines():
                        seen += 1
                        # A new connection begins at the beginning.
                        if seen > given:
                            given, pauses = seen, self._transport.pauses()
                            yield line
                    return
            except Unavailable as error:
                self._pause(pauses, error)

    def _pause(self, pauses: Iterator[float], error: Unavailable) -> None:
        """Before the next try. Raises `error` where there is none."""
        if (pause := next(pauses, None)) is None:
            raise error
        time.sleep(pause)


class Tasks(Resource):
    """Attempts at tasks."""

    def get(self, task_id: str) -> m.Task:
        return m.Task.of(self._call("GET", "/tasks/{id}", id=task_id))

    def of_job(self, job_id: str, **filters: object) -> Iterator[m.TaskRow]:
        """Those of the job in short, each page asked for when it is needed. `filters` are `parent`,
        `state`, `q`, `index`, `attempts` and `order`."""
        template = "/jobs/{id}/tasks"
        return self._pages(template, m.TaskRow, _TASKS_PAGE_SIZE, query=filters, id=job_id)

    def page_of_job(self, job_id: str, **query: object) -> m.TaskPage:
        """One page of them, with how many are in which state."""
        return m.TaskPage.of(self._call("GET", "/jobs/{id}/tasks", query=query, id=job_id))

    def log(self, task_id: str) -> str:
        """All that it has written so far."""
        return self._log("/tasks/{id}/log", task_id)

    def log_lines(self, task_id: str, first: int = 1, size: int = 200) -> m.LogLines:
        """Those from the place `first` on; -100: the last hundred."""
        return self._log_lines("/tasks/{id}/log/lines", task_id, first, size)

    def find_in_log(
        self, task_id: str, text: str, *, regex: bool = False, case: bool = False
    ) -> m.LogMatches:
        """The places of the lines that hold `text`; with `regex` that match it."""
        return self._find_in_log("/tasks/{id}/log/matches", task_id, text, regex, case)

    def follow_log(self, task_id: str) -> Generator[str]:
        """Its lines as they are written, until it ends. A connection that breaks is opened
        again."""
        return self._follow_log("/tasks/{id}/log", task_id)


class Schedules(Resource):
    """Scheduled jobs."""

    def create(
        self, job: JobLike, *, strict: bool = False, idempotency_key: str | None = None
    ) -> m.ScheduledJobSummary:
        answer = self._call(
            "POST",
            "/scheduled-jobs",
            body=job,
            query={"strict": strict},
            key=idempotency_key or new_key(),
        )
        return m.ScheduledJobSummary.of(answer)

    def dry_run(self, job: JobLike, *, strict: bool = False) -> m.DryRun:
        """Check a scheduled job as `create` would; nothing is stored."""
        query = {"strict": strict, "dryRun": True}
        return m.DryRun.of(self._call("POST", "/scheduled-jobs", body=job, query=query))

    def list(self, q: str = "", state: str = "") -> Iterator[m.ScheduledJobSummary]:
        """Newest first; `q` is text in the name, `state` is ACTIVE, PAUSED or ENDED."""
        query = {"q": q, "state": state}
        return self._pages("/scheduled-jobs", m.ScheduledJobSummary, query=query)

    def upcoming(
        self, *, since: datetime | None = None, before: datetime | None = None, each: int = 50
    ) -> m.Upcoming:
        """When all of them fire: since now, for a week, at most `each` times of each."""
        query = {"since": _text(since), "before": _text(before), "each": each}
        answer = self._call("GET", "/scheduled-jobs/upcoming", query=query)
        return m.Upcoming.of(answer)

    def get(self, schedule_id: str) -> m.ScheduledJob:
        return m.ScheduledJob.of(self._call("GET", "/scheduled-jobs/{id}", id=schedule_id))

    def definition(self, schedule_id: str) -> Mapping[str, Any]:
        """As it was submitted, its secrets left out."""
        return dict(self._call("GET", "/scheduled-jobs/{id}/definition", id=schedule_id))

    def pause(self, schedule_id: str, note: str | None = None) -> None:
        body = None if note is None else {"note": note}
        self._call("PUT", "/scheduled-jobs/{id}/pause", body=body, id=schedule_id)

    def resume(self, schedule_id: str) -> None:
        self._call("PUT", "/scheduled-jobs/{id}/resume", id=schedule_id)

    def trigger(
        self,
        schedule_id: str,
        request: m.TriggerRequest | Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> m.ScheduleRun:
        """A job of it now, whose id is in `job_id`."""
        answer = self._call(
            "POST",
            "/scheduled-jobs/{id}/trigger",
            body=request,
            id=schedule_id,
            key=idempotency_key or new_key(),
        )
        return m.ScheduleRun.of(answer)

    def backfill(
        self, schedule_id: str, times: m.BackfillRange | Mapping[str, Any]
    ) -> m.BackfillAnswer:
        """A job for each time of the range at which it would have fired and has not."""
        answer = self._call("POST", "/scheduled-jobs/{id}/backfill", body=times, id=schedule_id)
        return m.BackfillAnswer.of(answer)

    def change(
        self,
        schedule_id: str,
        changes: m.ScheduledJobChanges | Mapping[str, Any],
        *,
        version: int | None = None,
        strict: bool = False,
    ) -> m.ScheduledJobSummary:
        """The fields that are given; None takes one away. Raises Conflict where it has another
        `version` by now."""
        answer = self._call(
            "PATCH",
            "/scheduled-jobs/{id}",
            body=changes,
            query={"strict": strict},
            headers={} if version is None else {"If-Match": f'"{version}"'},
            id=schedule_id,
        )
        return m.ScheduledJobSummary.of(answer)

    def preview(self, asked: m.SchedulePreview | Mapping[str, Any]) -> m.Firings:
        """When a schedule that isn't stored would fire."""
        return m.Firings.of(self._call("POST", "/scheduled-jobs/preview", body=asked))

    def next(self, schedule_id: str, count: int = 10) -> m.Firings:
        """When it fires next."""
        query = {"count": count}
        answer = self._call("GET", "/scheduled-jobs/{id}/next", query=query, id=schedule_id)
        return m.Firings.of(answer)

    def runs(self, schedule_id: str, state: str = "") -> Iterator[m.ScheduleRun]:
        """What became of its firings, newest first; `state` is FIRED, SKIPPED or HELD."""
        query = {"state": state}
        return self._pages("/scheduled-jobs/{id}/runs", m.ScheduleRun, query=query, id=schedule_id)

    def delete(self, schedule_id: str) -> None:
        self._call("DELETE", "/scheduled-jobs/{id}", id=schedule_id)


class Webhooks(Resource):
    """Endpoints that are told of all jobs."""

    def create(
        self, endpoint: m.EndpointSpec | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> m.EndpointWithSecret:
        """With its secret, this once."""
        answer = self._call("POST", "/webhooks", body=endpoint, key=idempotency_key or new_key())
        return m.EndpointWithSecret.of(answer)

    def list(self) -> Iterator[m.Endpoint]:
        """Newest first."""
        return self._pages("/webhooks", m.Endpoint)

    def get(self, endpoint_id: str) -> m.Endpoint:
        return m.Endpoint.of(self._call("GET", "/webhooks/{id}", id=endpoint_id))

    def change(
        self, endpoint_id: str, changes: m.EndpointChanges | Mapping[str, Any]
    ) -> m.Endpoint:
        """The fields that are given; None resets one."""
        answer = self._call("PATCH", "/webhooks/{id}", body=changes, id=endpoint_id)
        return m.Endpoint.of(answer)

    def rotate_secret(self, endpoint_id: str, keep_for: str | None = None) -> m.EndpointWithSecret:
        """With its new secret, this once; the old one signs too for as long as `keep_for` says."""
        body = {} if keep_for is None else {"keepFor": keep_for}
        answer = self._call("POST", "/webhooks/{id}/rotate-secret", body=body, id=endpoint_id)
        return m.EndpointWithSecret.of(answer)

    def test(self, endpoint_id: str) -> m.TestSent:
        """Sends a test event."""
        return m.TestSent.of(self._call("POST", "/webhooks/{id}/test", id=endpoint_id))

    def deliveries(self, endpoint_id: str, state: str = "") -> Iterator[m.Delivery]:
        """Newest first; `state` is PENDING, DELIVERED or FAILED."""
        query = {"state": state}
        return self._pages("/webhooks/{id}/deliveries", m.Delivery, query=query, id=endpoint_id)

    def of_job(self, job_id: str, state: str = "") -> Iterator[m.Delivery]:
        """What became of a job's webhooks, the newest change first."""
        return self._pages("/jobs/{id}/webhooks", m.Delivery, query={"state": state}, id=job_id)

    def delivery(self, delivery_id: str) -> m.DeliveryDetails:
        """With its body and its attempts."""
        answer = self._call("GET", "/webhooks/deliveries/{id}", id=delivery_id)
        return m.DeliveryDetails.of(answer)

    def resend(self, delivery_id: str) -> None:
        """A delivery, whatever its state."""
        self._call("POST", "/webhooks/deliveries/{id}/resend", id=delivery_id)

    def resend_failed(self, endpoint_id: str, since: datetime) -> m.Resent:
        """Those of an endpoint that failed since then."""
        body = {"since": since.isoformat()}
        return m.Resent.of(self._call("POST", "/webhooks/{id}/resend", body=body, id=endpoint_id))

    def delete(self, endpoint_id: str) -> None:
        """With its deliveries."""
        self._call("DELETE", "/webhooks/{id}", id=endpoint_id)


class DeadLetters(Resource):
    """Messages that could not be processed."""

    def list(self, queue: str = "") -> Iterator[m.DeadLetter]:
        """Newest first; those that came from `queue`, or all."""
        return self._pages("/dead-letters", m.DeadLetter, query={"queue": queue})

    def get(self, letter_id: str) -> m.WholeDeadLetter:
        return m.WholeDeadLetter.of(self._call("GET", "/dead-letters/{id}", id=letter_id))

    def requeue(self, letter_id: str) -> None:
        self._call("POST", "/dead-letters/{id}/requeue", id=letter_id)

    def requeue_all(self, queue: str = "") -> m.Requeued:
        """The oldest 500 of those that came from `queue`, or of all."""
        query = {"queue": queue}
        return m.Requeued.of(self._call("POST", "/dead-letters/requeue", query=query))

    def delete(self, letter_id: str) -> None:
        self._call("DELETE", "/dead-letters/{id}", id=letter_id)

    def purge(self) -> int:
        """How many there were."""
        return m.Purged.of(self._call("DELETE", "/dead-letters")).deleted


class Nodes(Resource):
    """Workers: what is said of one holds for all that come with its name.

    `node_id` is an id, its beginning, or a name. `message` says why.
    """

    def list(
        self, *, labels: str = "", membership: str = "", availability: str = "", status: str = ""
    ) -> list[m.Node]:
        """Those seen within the last five minutes, unless `status` asks for all that are `OFFLINE`.
        `labels` is a label selector such as `region=eu,!spot`."""
        asked = {"labels": labels, "membership": membership, "availability": availability}
        answer = self._call("GET", "/nodes", query={**asked, "status": status})
        return [m.Node.of(node) for node in items_of(answer)]

    def get(self, node_id: str) -> m.NodeWithTasks:
        """With the tasks that hold it."""
        return m.NodeWithTasks.of(self._call("GET", "/nodes/{id}", id=node_id))

    def history(self, node_id: str) -> Sequence[m.NodeEvent]:
        """The last 500 events of all workers of its name, newest first."""
        answer = self._call("GET", "/nodes/{id}/history", id=node_id)
        return [m.NodeEvent.of(one) for one in items_of(answer)]

    def approve(self, node_id: str, message: str | None = None) -> m.NodeWithTasks:
        return self._act("PUT", "/nodes/{id}/approve", node_id, message)

    def reject(self, node_id: str, message: str | None = None) -> m.NodeWithTasks:
        """What runs there goes back."""
        return self._act("PUT", "/nodes/{id}/reject", node_id, message)

    def cordon(self, node_id: str, message: str | None = None) -> m.NodeWithTasks:
        """It gets no new tasks."""
        return self._act("PUT", "/nodes/{id}/cordon", node_id, message)

    def uncordon(self, node_id: str, message: str | None = None) -> m.NodeWithTasks:
        return self._act("PUT", "/nodes/{id}/uncordon", node_id, message)

    def drain(self, node_id: str, message: str | None = None) -> m.NodeWithTasks:
        """It gets no new tasks, and its executions move elsewhere; with what still runs there."""
        return self._act("PUT", "/nodes/{id}/drain", node_id, message)

    def delete(self, node_id: str) -> None:
        """Forget one that is offline, and what was said of it."""
        self._call("DELETE", "/nodes/{id}", id=node_id)

    def _act(
        self, method: str, template: str, node_id: str, message: str | None
    ) -> m.NodeWithTasks:
        body = None if message is None else {"message": message}
        return m.NodeWithTasks.of(self._call(method, template, body=body, id=node_id))


class Queues(Resource):
    def list(self) -> Sequence[m.Queue]:
        return [m.Queue.of(queue) for queue in items_of(self._call("GET", "/queues"))]

    def get(self, name: str) -> m.Queue:
        return m.Queue.of(self._call("GET", "/queues/{name}", name=name))

    def history(
        self, name: str, *, since: str = "1h", before: str = "", points: int = 120
    ) -> m.QueueHistory:
        """Its samples in at most so many points; `since` and `before` are times or spans such as
        `7d`."""
        asked = {"since": since, "before": before, "points": points}
        answer = self._call("GET", "/queues/{name}/history", query=asked, name=name)
        return m.QueueHistory.of(answer)

    def delete(self, name: str) -> None:
        """With its messages."""
        self._call("DELETE", "/queues/{name}", name=name)


def _text(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()
