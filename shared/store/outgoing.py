"""Commands to messages: everything a batch of decisions says to one receiver in one message."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel

from shared.broker import Outgoing
from shared.lifecycle import (
    AnnounceJob,
    AnnounceTask,
    Command,
    GrantClaim,
    RefuseClaim,
    RunTask,
    StopTask,
    Task,
)
from shared.messages import Change, Changes, Orders, Refusal, StopOrder, TaskRef, encode
from shared.messages import RunTask as RunTaskMessage
from shared.messages.queues import EVENTS, node_queue

_ToNode = GrantClaim | RefuseClaim | StopTask


def messages_for(commands: Sequence[Command], now: datetime) -> list[Outgoing]:
    """The messages these commands ask for; other commands are passed over."""
    changes: list[Change] = []
    orders: defaultdict[str, list[_ToNode]] = defaultdict(list)
    messages: list[Outgoing] = []
    for command in commands:
        match command:
            case RunTask(task):
                messages.append(_run_task(task))
            case GrantClaim() | RefuseClaim() | StopTask():
                orders[command.node_id].append(command)
            case AnnounceJob():
                changes.append(_job_change(command, now))
            case AnnounceTask():
                changes.append(_task_change(command, now))
            case _:
                pass  # answered inside the transaction
    messages += [_message(node_queue(node), _orders(to_node)) for node, to_node in orders.items()]
    if changes:
        messages.append(_message(EVENTS, Changes.model_construct(changes=changes)))
    return messages


def abandoned_order(node_id: str, abandoned: Sequence[str]) -> Outgoing:
    """Tells `node_id` which of the workers it asked about are gone."""
    return _message(node_queue(node_id), Orders(abandoned=list(abandoned)))


def _message(queue: str, body: BaseModel, priority: int = 0) -> Outgoing:
    return Outgoing(queue, encode(body), uuid.uuid4().hex, priority)


def _run_task(task: Task) -> Outgoing:
    plan = task.plan
    body = RunTaskMessage.model_construct(
        job_id=task.job_id,
        task_id=task.id,
        dispatch=task.dispatch,
        attempt=task.attempt,
        queue=plan.queue,
        timeout_seconds=plan.timeout.total_seconds() if plan.timeout else None,
        definition=cast(dict[str, object], plan.definition),
        sealed=plan.sealed,
    )
    return _message(plan.queue, body, plan.priority)


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
                stop.append(StopOrder.model_construct(**ref, reason=command.reason))
    return Orders.model_construct(granted=granted, refused=refused, stop=stop)


def _job_change(command: AnnounceJob, now: datetime) -> Change:
    job = command.job
    return Change.model_construct(
        job_id=job.id,
        version=job.version,
        state=job.state.value,
        at=now,
        position=job.position,
        progress=job.progress,
        result=job.result,
        error=job.error,
    )


def _task_change(command: AnnounceTask, now: datetime) -> Change:
    task = command.task
    return Change.model_construct(
        job_id=task.job_id,
        version=command.version,
        state=task.state.value,
        at=now,
        position=task.position,
        progress=task.progress,
        result=task.result,
        error=task.error,
        task_id=task.id,
        task_name=task.plan.name,
        attempt=task.attempt,
        node_id=task.node_id,
    )
