"""From rows of schedules to answers: secrets taken out, empty fields left out."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from services.coordinator.api.schedules.schemas import (
    ScheduledJob,
    ScheduledJobPage,
    ScheduledJobSummary,
)
from services.coordinator.api.tork.views import page_numbers, shown_definition, shown_webhook
from services.coordinator.redaction import Redacting, hide_by_name
from services.coordinator.store.pages import Page
from services.coordinator.store.schedules import ScheduleRow
from shared.process.redaction import REDACTED

_AS_SUBMITTED = ("output", "defaults", "autoDelete", "timeout", "permissions")

_Spec = Mapping[str, Any]


def schedule_page(
    rows: Page[ScheduleRow], redact: Callable[[str | None], Redacting]
) -> ScheduledJobPage:
    """`redact` gives what takes the secrets of a schedule out, by its `sealed`."""
    items = [schedule_summary(row, redact(row.sealed)) for row in rows.items]
    return ScheduledJobPage(items=items, **page_numbers(rows))


def schedule_summary(row: ScheduleRow, redact: Redacting) -> ScheduledJobSummary:
    return ScheduledJobSummary.model_validate(_summary_fields(row, redact))


def whole_schedule(row: ScheduleRow, redact: Redacting) -> ScheduledJob:
    spec = cast(_Spec, row.spec)
    return ScheduledJob.model_validate(
        redact.value({name: spec[name] for name in _AS_SUBMITTED if name in spec})
        | _summary_fields(row, redact)
        | {
            "tasks": [shown_definition(task, redact) for task in spec["tasks"]],
            "secrets": dict.fromkeys(spec.get("secrets", {}), REDACTED) or None,
            "webhooks": [shown_webhook(hook, redact) for hook in spec.get("webhooks", ())] or None,
        }
    )


def _summary_fields(row: ScheduleRow, redact: Redacting) -> dict[str, object]:
    spec = cast(_Spec, row.spec)
    return {
        "id": row.id,
        "state": row.state,
        "name": redact.value(spec["name"]),
        "description": redact.value(spec.get("description")),
        "tags": redact.value(spec.get("tags")) or None,
        "inputs": hide_by_name(redact.value(spec.get("inputs"))) or None,
        "createdBy": row.created_by,
        "createdAt": row.created_at,
        "cron": row.cron,
        "timezone": row.timezone,
        "overlap": row.overlap,
        "catchUp": row.catch_up,
        "nextAt": row.next_at,
        "lastAt": row.last_at,
        "lastJobId": row.last_job_id,
        "error": row.error,
    }
