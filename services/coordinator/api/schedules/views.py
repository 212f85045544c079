"""From rows of schedules to answers: secrets taken out, empty fields left out."""

from collections.abc import Callable
from typing import Any

from services.coordinator.api.tork.views import (
    Fields,
    page,
    set_fields,
    shown_definition,
    shown_webhook,
)
from services.coordinator.redaction import Redacting, hide_by_name
from services.coordinator.store.pages import Page
from services.coordinator.store.schedules import ScheduleRow
from shared.process.redaction import REDACTED

_AS_SUBMITTED = ("output", "defaults", "autoDelete", "timeout", "permissions")


def schedule_page(rows: Page[ScheduleRow], redact: Callable[[str | None], Redacting]) -> Fields:
    """`redact` gives what takes the secrets of a schedule out, by its `sealed`."""
    return page(rows, [schedule_summary(row, redact(row.sealed)) for row in rows.items])


def schedule_summary(row: ScheduleRow, redact: Redacting) -> Fields:
    spec: dict[str, Any] = row.spec
    return set_fields(
        {
            "id": row.id,
            "state": row.state,
            "name": redact.value(spec["name"]),
            "description": redact.value(spec.get("description")),
            "tags": redact.value(spec.get("tags")),
            "inputs": hide_by_name(redact.value(spec.get("inputs"))),
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
    )


def whole_schedule(row: ScheduleRow, redact: Redacting) -> Fields:
    spec: dict[str, Any] = row.spec
    submitted = redact.value({name: spec[name] for name in _AS_SUBMITTED if name in spec})
    lists = {
        "tasks": [shown_definition(task, redact) for task in spec["tasks"]],
        "secrets": dict.fromkeys(spec.get("secrets", {}), REDACTED),
        "webhooks": [shown_webhook(webhook, redact) for webhook in spec.get("webhooks", ())],
    }
    return submitted | schedule_summary(row, redact) | set_fields(lists)
