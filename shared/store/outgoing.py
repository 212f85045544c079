"""Commands to messages: everything a batch of decisions says to one receiver in one message."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel

from shared.broker.protocol import Outgoing
from shared.lifecycle import (
    AnnounceJob,
    AnnounceTask,
    AskPlacement,
    CancelSubJob,
    Command,
    ContinueCancel,
    ContinueChildren,
    GrantClaim,
    Job,
    JobState,
    Parent,
    RefuseClaim,
    ReportToParent,
    ResumeSubJob,
    RunTask,
    StopTask,
    Task,
    shown_position,
)
from shared.messages import (
    Availability,
    Orders,
    ParentRef,
    PlacementDue,
    Refusal,
    StopOrder,
    SubJobAbandon,
    SubJobEnd,
    SubJobResume,
    SubJobSignals,
    TaskRef,
    WebhooksDue,
    encode,
)
from shared.messages import RunTask as RunTaskMessage
from shared.messages.chunks import in_chunks
from shared.messages.queues import COMPLETIONS, EVENTS, PLACEMENT, node_queue, node_task_queue

_ToNode = GrantClaim | RefuseClaim | StopTask
_Signal = ReportToParent | ResumeSubJob | CancelSubJob | ContinueChildren | ContinueCancel
_Announcement = AnnounceJob | AnnounceTask

FeedRow = dict[str, object]
"""A row of `job_events` or `webhook_events`: `job_id`, and `changes` as a list of `Change` in their
JSON form."""


def messages_for(
    commands: Sequence[Command],
    files_left: Callable[[Task], int | None] = lambda _: None,
    origin: Callable[[Task], str | None] = lambda _: None,
    *,
    has_webhooks: bool = False,
) -> list[Outgoing]:
    """The messages these commands ask for; other commands are passed over. `files_left` is how much
    a task may keep, `origin` what its job comes of. With `has_webhooks` some are to be called
    in any case."""
    asks_placement = False
    signals: list[_Signal] = []
    orders: defaultdict[str, list[_ToNode]] = defaultdict(list)
    messages: list[Outgoing] = []
    for command in commands:
        match command:
            case RunTask(task):
                messages.append(_run_task(task, files_left(task), origin(task)))
            case GrantClaim() | RefuseClaim() | StopTask():
                orders[command.node_id].append(command)
            case ReportToParent() | ResumeSubJob() | CancelSubJob() | ContinueChildren():
                signals.append(command)
            case ContinueCancel():
                signals.append(command)
            case AskPlacement():
                asks_placement = True
            case AnnounceJob() | AnnounceTask() if command.job.has_webhooks:
                has_webhooks = True
            case _:
                pass  # answered inside the transaction
    messages += [_message(node_queue(node), _orders(to_node)) for node, to_node in orders.items()]
    messages += _subjob_signals(signals)
    if has_webhooks:
        messages.append(_message(EVENTS, WebhooksDue()))
    if asks_placement:
        messages.append(_message(PLACEMENT, PlacementDue()))
    return messages


def feed_of(commands: Sequence[Command], now: datetime) -> list[FeedRow]:
    """All announcements, whether or not anybody is called for them: a row for each job."""
    announced = [command for command in commands if isinstance(command, _Announcement)]
    return _rows_of((command, _change(command, now)) for command in announced)


def schedule_ends_of(commands: Sequence[Command]) -> list[tuple[str, str]]:
    """The jobs of schedules that have ended: the schedule's id, and the job's state."""
    jobs = [c.job for c in commands if isinstance(c, AnnounceJob) and not c.is_progress]
    return [(job.schedule_id, job.state) for job in jobs if job.schedule_id and job.state.is_final]


def status_query_order(node_id: str, refs: Sequence[TaskRef]) -> Outgoing:
    """Asks `node_id` what became of these dispatches."""
    return _message(node_queue(node_id), Orders(status_queries=list(refs)))


def abandoned_order(node_id: str, abandoned: Sequence[str]) -> Outgoing:
    """Tells `node_id` which of the workers it asked about are gone."""
    return _message(node_queue(node_id), Orders(abandoned=list(abandoned)))


def availability_order(node_id: str, availability: Availability) -> Outgoing:
    """Tells `node_id` whether it may take tasks."""
    return _message(node_queue(node_id), Orders(availability=availability))


def placement_due() -> Outgoing:
    """Asks the schedulers for a round of placement."""
    return _message(PLACEMENT, PlacementDue())


def webhook_events_of(commands: Sequence[Command], now: datetime) -> list[FeedRow]:
    """Those announcements that somebody is called for: a row for each job."""
    called_for = [c for c in commands if isinstance(c, _Announcement) and c.job.has_webhooks]
    return _rows_of((command, _change(command, now) | _told(command)) for command in called_for)


def _rows_of(changes: Iterable[tuple[_Announcement, dict[str, Any]]]) -> list[FeedRow]:
    by_job: dict[str, list[dict[str, object]]] = {}
    for command, fields in changes:
        by_job.setdefault(command.job.id, []).append(_filled(fields))
    return [{"job_id": job_id, "changes": changes} for job_id, changes in by_job.items()]


def _told(command: _Announcement) -> dict[str, Any]:
    """What only webhooks are told of a task."""
    if isinstance(command, AnnounceJob):
        return {}
    task = command.task
    times = ("created_at", "scheduled_at", "started_at", "completed_at", "failed_at")
    shown = {name: task.plan.definition.get(name) for name in ("description", "tags")}
    return {"var": task.plan.var, **shown, **{name: getattr(task, name) for name in times}}


def _message(queue: str, body: BaseModel, priority: int = 0) -> Outgoing:
    return Outgoing(queue, encode(body), uuid.uuid4().hex, priority)


def _run_task(task: Task, files_left: int | None, origin: str | None) -> Outgoing:
    plan = task.plan
    is_placed = plan.is_execution and task.node_id is not None
    queue = node_task_queue(str(task.node_id)) if is_placed else plan.queue
    body = RunTaskMessage.model_construct(
        job_id=task.job_id,
        task_id=task.id,
        dispatch=task.dispatch,
        attempt=task.attempt,
        queue=queue,
        timeout_seconds=plan.timeout.total_seconds() if plan.timeout else None,
        definition=cast(dict[str, object], plan.definition),
        sealed=plan.sealed,
        files_left_bytes=files_left,
        resources=cast(dict[str, int] | None, plan.resources),
        memory_scale=plan.retry.memory_scale,
        most_memory_bytes=plan.retry.most_memory,
        origin=origin,
    )
    return _message(queue, body, plan.priority)


def _orders(commands: Iterable[_ToNode]) -> Orders:
    granted: list[TaskRef] = []
    refused: list[Refusal] = []
    stop: list[StopOrder] = []
    for command in commands:
        ref: dict[str, Any] = {
            "job_id": command.job_id,
            "task_id": command.task_id,
            "dispatch": command.dispatch,
        }
        match command:
            case GrantClaim():
                granted.append(TaskRef.model_construct(**ref))
            case RefuseClaim():
                refused.append(Refusal.model_construct(**ref, reason=command.reason))
            case StopTask():
                stop.append(
                    StopOrder.model_construct(**ref, reason=command.reason, at_once=command.at_once)
                )
    return Orders.model_construct(granted=granted, refused=refused, stop=stop)


def _subjob_signals(commands: Iterable[_Signal]) -> Iterator[Outgoing]:
    ended: list[SubJobEnd] = []
    abandoned: list[SubJobAbandon] = []
    resumed: list[SubJobResume] = []
    cancelling: list[str] = []
    continued: dict[ContinueChildren, ParentRef] = {}  # each once, however often it was put off
    for command in commands:
        match command:
            case ReportToParent(job):
                if job.parent is not None:
                    ended.append(subjob_end(job, job.parent))
            case CancelSubJob(subjob_id, dispatch):
                abandoned.append(SubJobAbandon(job_id=subjob_id, dispatch=dispatch))
            case ResumeSubJob(subjob_id, dispatch):
                resumed.append(SubJobResume(job_id=subjob_id, dispatch=dispatch))
            case ContinueChildren(job_id, task_id):
                continued[command] = ParentRef(job_id=job_id, task_id=task_id)
            case ContinueCancel(job_id):
                cancelling.append(job_id)
    for portion in in_chunks(ended, _characters):
        yield _message(COMPLETIONS, SubJobSignals(ended=portion))
    if abandoned or resumed or continued or cancelling:
        rest = SubJobSignals(
            abandoned=abandoned,
            resumed=resumed,
            continued=list(continued.values()),
            cancelling=cancelling,
        )
        yield _message(COMPLETIONS, rest)


def _characters(told: SubJobEnd) -> int:
    return len(told.result or "") + len(told.error or "")


def subjob_end(job: Job, parent: Parent) -> SubJobEnd:
    return SubJobEnd(
        job_id=parent.job_id,
        task_id=parent.task_id,
        dispatch=parent.dispatch,
        subjob_id=job.id,
        state=job.state,
        result=job.result,
        error=job.error,
    )


def _change(command: _Announcement, now: datetime) -> dict[str, Any]:
    """The fields of a `Change`."""
    job = command.job
    fields: dict[str, Any] = {"job_id": job.id, "version": job.version, "at": now}
    if command.is_progress:
        fields["is_progress"] = True
    if isinstance(command, AnnounceJob):
        about: Job | Task = job
        position = shown_position(job.state, job.position, job.task_count)
    else:
        about = task = command.task
        position = task.position
        fields["task_id"] = task.id
        fields["task_name"] = task.plan.name
        fields["parent_id"] = task.parent_id
        fields["attempt"] = task.attempt
        fields["node_id"] = task.node_id
        fields["size"] = task.children.total if task.children else None
        if job.state is JobState.SCHEDULED and not command.is_progress:
            fields["begins_run"] = True
    fields["state"] = about.state.value
    fields["position"] = position
    fields["progress"] = round(about.progress, 2)
    fields["result"] = about.result
    fields["error"] = about.error
    return fields


def _filled(fields: dict[str, Any]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
