"""From rows of schedules to answers: secrets taken out, empty fields left out."""

from collections.abc import Callable

from services.coordinator.api.schedules.schemas import ScheduledJobSummary
from services.coordinator.api.tork.definitions import Fields, shown_job
from services.coordinator.api.tork.views import page, set_fields
from services.coordinator.redaction import Redacting
from services.coordinator.store.pages import Page
from services.coordinator.store.schedules import ScheduleRow

_IN_LISTS = frozenset(field.alias for field in ScheduledJobSummary.model_fields.values())


def schedule_page(rows: Page[ScheduleRow], redact: Callable[[str | None], Redacting]) -> Fields:
    """`redact` gives what takes the secrets of a schedule out, by its `sealed`."""
    return page(rows, [schedule_summary(row, redact(row.sealed)) for row in rows.items])


def schedule_summary(row: ScheduleRow, redact: Redacting) -> Fields:
    shown = whole_schedule(row, redact)
    return {name: value for name, value in shown.items() if name in _IN_LISTS}


def whole_schedule(row: ScheduleRow, redact: Redacting) -> Fields:
    shown: Fields = redact.value(shown_job(row.spec))
    return shown | set_fields(
        {
            "id": row.id,
            "state": row.state,
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
