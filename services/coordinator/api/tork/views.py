"""From rows to answers: secrets taken out, empty fields left out."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from services.coordinator.api.hiding import hide_in_task
from services.coordinator.api.tork.schemas.cluster import (
    JobMetrics,
    MetricsView,
    Node,
    NodeMetrics,
    TaskMetrics,
)
from services.coordinator.api.tork.schemas.jobs import Job, JobPage, JobSummary, LogPage, LogPart
from services.coordinator.api.tork.schemas.tasks import Task
from services.coordinator.redaction import Redacting, hide_by_name
from services.coordinator.store.pages import Page
from services.coordinator.store.rows import (
    JobRow,
    JsonObject,
    LogRow,
    NodeRow,
    SummaryRow,
    TaskRow,
    Totals,
    WholeJob,
)
from shared.jobspec import OWN_SECRETS, format_duration
from shared.lifecycle import derived_id
from shared.process.redaction import REDACTED

R = TypeVar("R")


def job_page(rows: Page[SummaryRow], redact: Callable[[str | None], Redacting]) -> JobPage:
    """`redact` gives what takes the secrets of a job out, by its `sealed`."""
    items = [summary(row, redact(row.sealed)) for row in rows.items]
    return JobPage(items=items, **page_numbers(rows))


def log_page(rows: Page[LogRow], redact: Redacting) -> LogPage:
    return LogPage(items=[log_part(row, redact) for row in rows.items], **page_numbers(rows))


def page_numbers(rows: Page[R]) -> dict[str, Any]:
    return {
        "number": rows.request.number,
        "size": rows.request.size,
        "total_pages": rows.total_pages,
        "total_items": rows.total_items,
    }


def summary(row: SummaryRow, redact: Redacting) -> JobSummary:
    return JobSummary.model_validate(_summary_fields(row, redact))


def whole_job(job: WholeJob, redact: Redacting) -> Job:
    row = job.row
    return Job.model_validate(
        _summary_fields(row, redact)
        | {
            "tasks": [shown_definition(task, redact) for task in job.tasks],
            "execution": [_task_fields(task, redact) for task in job.execution],
            "context": _context(job, redact),
            "secrets": _secret_names(row),
            "output": redact.value(row.output),
            "defaults": row.defaults,
            "webhooks": [shown_webhook(webhook, redact) for webhook in row.webhooks] or None,
            "autoDelete": row.auto_delete_after
            and {"after": format_duration(row.auto_delete_after)},
            "deleteAt": row.delete_at,
            "permissions": row.permissions or None,
            "timeout": row.timeout and format_duration(row.timeout),
        }
    )


def task(row: TaskRow, redact: Redacting) -> Task:
    return Task.model_validate(_task_fields(row, redact))


def log_part(row: LogRow, redact: Redacting) -> LogPart:
    return LogPart(
        id=derived_id(row.task_id, row.number),
        number=row.number,
        task_id=row.task_id,
        contents=redact.value(row.contents),
        created_at=row.created_at,
    )


def node(row: NodeRow) -> Node:
    return Node.model_validate(row, from_attributes=True)


def totals(row: Totals) -> MetricsView:
    return MetricsView(
        jobs=JobMetrics(running=row.running_jobs),
        tasks=TaskMetrics(running=row.running_tasks),
        nodes=NodeMetrics(online=row.online_nodes, cpu_percent=row.cpu_percent),
    )


def _summary_fields(row: SummaryRow, redact: Redacting) -> dict[str, object]:
    return {
        "id": row.id,
        "parentId": row.parent_id,
        "name": redact.value(row.name),
        "description": redact.value(row.description) or None,
        "tags": redact.value(list(row.tags)) or None,
        "inputs": hide_by_name(redact.value(row.inputs)) or None,
        "state": row.state,
        "createdBy": row.created_by,
        "schedule": row.schedule_id and {"id": row.schedule_id, "cron": row.schedule_cron},
        "createdAt": row.created_at,
        "startedAt": row.started_at,
        "completedAt": row.completed_at,
        "failedAt": row.failed_at,
        "position": row.position,
        "taskCount": row.task_count,
        "progress": _progress(row.progress),
        "result": redact.value(row.result) or None,
        "error": redact.value(row.error) or None,
    }


def _context(job: WholeJob, redact: Redacting) -> dict[str, object]:
    row = job.row
    return {
        "job": {"id": row.id, "name": redact.value(row.name)},
        "inputs": hide_by_name(redact.value(row.inputs)) or None,
        "secrets": _secret_names(row),
        "tasks": hide_by_name(redact.value(dict(job.variables))) or None,
    }


def _secret_names(row: JobRow) -> Mapping[str, str] | None:
    names = [name for name in row.secret_names if not name.startswith(OWN_SECRETS)]
    return dict.fromkeys(names, REDACTED) or None


def shown_webhook(webhook: JsonObject, redact: Redacting) -> dict[str, object]:
    shown: dict[str, Any] = redact.value(dict(webhook))
    return shown | {"headers": hide_by_name(shown.get("headers"))}


def shown_definition(task: Mapping[str, object], redact: Redacting) -> dict[str, object]:
    return hide_in_task(redact.value(dict(task)))


def _task_fields(row: TaskRow, redact: Redacting) -> dict[str, object]:
    shown = shown_definition(row.definition, redact)
    return shown | {
        "id": row.id,
        "jobId": row.job_id,
        "parentId": row.parent_id,
        "childIndex": row.child_index,
        **_made_of(shown, row),
        "exitCode": row.exit_code,
        "last_return_reason": redact.value(row.last_return_reason) or None,
        "engine_rejections": row.engine_rejections or None,
        "position": row.position,
        "name": redact.value(row.name) or None,
        "state": row.state,
        "createdAt": row.created_at,
        "scheduledAt": row.scheduled_at,
        "startedAt": row.started_at,
        "completedAt": row.completed_at,
        "failedAt": row.failed_at,
        "queue": row.queue or None,  # a composite task is on none
        "priority": row.priority or None,
        "var": redact.value(row.var) or None,
        "retry": _retry(shown.get("retry"), row.attempt),
        "nodeId": row.node_id,
        "progress": _progress(row.progress),
        "result": redact.value(row.result) or None,
        "error": redact.value(row.error) or None,
    }


def _made_of(shown: Mapping[str, Any], row: TaskRow) -> dict[str, object]:
    """What a composite task is made of, with how far that is."""
    made_of: dict[str, object] = {}
    if row.children and (each := shown.get("each")):
        made_of["each"] = each | {
            "size": row.children["total"],
            "completions": row.children["ended"],
        }
    if row.children and (parallel := shown.get("parallel")):
        made_of["parallel"] = parallel | {"completions": row.children["ended"]}
    if row.subjob_id and (subjob := shown.get("subjob")):
        made_of["subjob"] = subjob | {"id": row.subjob_id}
    return made_of


def _progress(percent: float) -> float | None:
    """Shares of many children add up to more digits than mean anything."""
    return round(percent, 2) or None


def _retry(policy: object, attempt: int) -> dict[str, object] | None:
    if not isinstance(policy, dict):
        return None
    return policy | ({"attempts": attempt} if attempt else {})
