"""Scheduled jobs as answers: secrets taken out, empty fields left out."""

from collections.abc import Callable, Collection, Mapping

from pydantic import JsonValue

from services.coordinator.api.replies import Fields, page, set_fields
from services.coordinator.api.schedules.schemas import ScheduledJobSummary
from services.coordinator.api.tork.definitions import shown_job
from services.coordinator.store.rows import JsonObject, Page
from services.coordinator.store.schedule_runs import RunRow
from services.coordinator.store.schedules import ScheduleRow, StoredSchedule
from shared.jobspec.cron.parsing import DEFAULT_ZONE
from shared.planning.disclosure import Redacting

_DEFAULTS = {"timezone": DEFAULT_ZONE, "catchUp": "one", "overlap": "allow"}
_IN_LISTS = frozenset(field.alias for field in ScheduledJobSummary.model_fields.values())


def schedule_page(
    rows: Page[ScheduleRow],
    redact: Callable[[str | None], Redacting],
    access_to: Callable[[Collection[str]], str],
    last: Mapping[str, RunRow],
) -> Fields:
    """`redact` gives what takes the secrets of a schedule out, by its `sealed`; `access_to` what
    the caller may do, by its readers; `last` are runs by the ids of schedules."""
    return page(
        rows,
        [
            schedule_summary(row, redact(row.sealed))
            | {"access": access_to(row.readers)}
            | last_run(last.get(row.id))
            for row in rows.items
        ],
    )


def last_run(run: RunRow | None) -> Fields:
    return {} if run is None else {"lastRun": shown_run(run)}


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
            "permissions": row.permissions,
            "createdAt": row.created_at,
            "cron": row.cron or None,
            "timezone": row.timezone,
            "overlap": row.overlap,
            "catchUp": row.catch_up,
            "nextAt": row.next_at,
            "lastAt": row.last_at,
            "lastJobId": row.last_job_id,
            "error": row.error,
            "note": redact.value(row.note),
            "runs": row.runs,
            "failures": row.failures,
            "held": row.held,
            "endedAt": row.ended_at,
            "version": row.version,
            "schedule": submitted_schedule(row),
            "template": redact.value(_template(row.spec.get("template"))),
        }
    )


def _template(use: JsonValue) -> Fields | None:
    if not isinstance(use, dict):
        return None
    return {"tag": use["tag"], "version": use["version"], "inputs": use.get("inputs", {})}


def shown_submission(spec: JsonObject, redact: Redacting) -> Fields:
    """What a dry run shows of it."""
    shown: Fields = redact.value(shown_job(spec))
    return shown | {"taskCount": len(shown["tasks"])}


def submitted_schedule(row: ScheduleRow | StoredSchedule) -> Fields:
    """The `schedule` of a submission, from what its row keeps of it."""
    kept = {"cron": row.cron, "timezone": row.timezone, "catchUp": row.catch_up}
    kept |= {"overlap": row.overlap}
    others = {name: value for name, value in kept.items() if value != _DEFAULTS.get(name)}
    return set_fields(others | row.rules)


def shown_run(row: RunRow) -> Fields:
    return set_fields(
        {
            "kind": row.kind,
            "state": row.state,
            "scheduledAt": row.scheduled_at,
            "until": row.until,
            "reason": row.reason,
            "jobId": row.job_id if row.state == "FIRED" else None,
            "jobState": row.job_state,
            "at": row.at,
        }
    )
