"""From rows to answers in Tork's shapes: secrets taken out, what is empty left out.

They are dicts, made by a plan from rows without a model for each: a job may have a hundred thousand
tasks. The models in `schemas` describe them, and a test holds the two together.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from services.coordinator.api.replies import Fields, page, set_fields
from services.coordinator.api.tork.definitions import shown_defaults, shown_reuse, shown_webhook
from services.coordinator.api.tork.task_views import (
    plan_of,
    redact_fields,
    round_progress,
    shown_columns,
    waits,
)
from services.coordinator.api.usage import shown_usage
from services.coordinator.live.event_bodies import log_part
from services.coordinator.store.job_header import FailureRow
from services.coordinator.store.logs import Log
from services.coordinator.store.rows import JobRow, JsonObject, Page, SummaryRow, Totals
from services.coordinator.wait_reasons import Waiting
from shared.definition.quantities import format_duration, rate_text
from shared.jobspec.limits import OWN_SECRETS
from shared.lifecycle import shown_position
from shared.planning.disclosure import Redacting
from shared.planning.secret_names import hide_by_name
from shared.process.redaction import REDACTED
from shared.store.row_values import slots_of

_ENDS = {"COMPLETED": "completed_at", "FAILED": "failed_at", "CANCELLED": "cancelled_at"}
"""Final states, and when a job came to them."""
_SUMMARY = plan_of(SummaryRow._fields, "sealed")


def job_page(
    rows: Page[SummaryRow],
    redact: Callable[[str | None], Redacting],
    access_to: Callable[[Sequence[str]], str],
    why: Mapping[str, Waiting] = MappingProxyType({}),
    phases: Mapping[str, str] = MappingProxyType({}),
    *,
    follows: bool = True,
) -> Fields:
    """`redact` gives what takes the secrets of a job out, by its `sealed`; `access_to` what one may
    do with it, by its readers; `why` they wait, and their `phases`, by their ids. `follows`: pages
    of the same list come after a job of this one."""
    shown = []
    for row in rows.items:
        hide = redact(row.sealed)
        item = summary(row, hide, access_to(row.readers))
        item |= set_fields({"phase": phases.get(row.id)})
        shown.append(item | waits(why.get(row.id), hide))
    return page(rows, shown) | (_next(rows) if follows else {})


def _next(rows: Page[SummaryRow]) -> Fields:
    """The place that what follows comes after, as a request has it."""
    if len(rows.items) < rows.request.size:
        return {}
    last = rows.items[-1]
    return {"next": f"{last.created_at.isoformat().removesuffix('+00:00')}Z,{last.id}"}


def log_page(log: Log, redact: Redacting) -> Fields:
    shown = page(log.page, [log_part(row, redact) for row in log.page.items])
    return shown | {"complete": log.is_complete}


def summary(row: SummaryRow, redact: Redacting, access: str) -> Fields:
    """`access`: what whoever asks may do with it."""
    shown = shown_columns(_SUMMARY, row)
    position = shown_position(row.state, row.position, row.task_count)
    shown |= {"name": row.name, "position": position, "taskCount": row.task_count}
    if row.state == "SCHEDULED":
        shown.setdefault("startedAt", row.created_at)
    redact_fields(shown, redact, ("name", "description", "tags", "inputs", "result", "error"))
    if row.inputs:
        shown["inputs"] = hide_by_name(shown["inputs"])
    if row.schedule_id:
        shown["schedule"] = set_fields(
            {
                "id": row.schedule_id,
                "cron": row.schedule_cron or None,
                "scheduledAt": row.schedule_at,
            }
        )
    if row.template:
        name, _, version = row.template.partition("@")
        shown["template"] = {"name": name, "version": version}
    if row.run_started_at != row.started_at:
        shown |= set_fields({"runStartedAt": row.run_started_at})
    shown |= set_fields(
        {
            "cancelledAt": row.cancelled_at,
            "cancelledBy": row.cancelled_by,
            "cancelledByClient": row.cancelled_by_client,
            "cancelReason": redact.value(row.cancel_reason),
        }
    )
    if row.priority is not None:
        shown["priority"] = row.priority
    lock = {"lockedBy": row.locked_by, "lockedAt": row.locked_at}
    shown |= set_fields({**lock, "lockExpiresAt": row.lock_expires_at})
    shown |= _how_it_is(row)
    if row.omitted:
        shown["omitted"] = row.omitted
    if row.usage:
        shown["usage"] = shown_usage(row.usage, row.rates)
    shown["access"] = access
    round_progress(shown)
    return shown


def _how_it_is(row: SummaryRow) -> Fields:
    """Whether it runs and how it has ended, whatever the names of states."""
    if row.state not in _ENDS:
        return {"running": True} if row.state == "RUNNING" else {}
    is_success, ended_at = row.state == "COMPLETED", getattr(row, _ENDS[row.state])
    return {"success": is_success} | set_fields({"endedAt": ended_at})


def job_without_tasks(row: JobRow, redact: Redacting, access: str) -> Fields:
    """A whole job but for `tasks` and `execution`."""
    shown = summary(row.summary, redact, access)
    secrets = _secret_names(row)
    return shown | set_fields(
        {
            "context": _context(row, shown, secrets, redact),
            "secrets": secrets,
            "uploads": row.uploads,
            "output": redact.value(row.output),
            "defaults": shown_defaults(row.defaults or {}),
            "webhooks": redact.value([shown_webhook(webhook) for webhook in row.webhooks]),
            "autoDelete": row.auto_delete_after
            and {"after": format_duration(row.auto_delete_after)},
            "deleteAt": row.delete_at,
            "permissions": row.permissions,
            "timeout": row.timeout and format_duration(row.timeout),
            "hold": row.is_held or None,
            "startAt": row.start_at,
            "deadline": row.must_end_at,
            "reuse": None if row.reuse is None else shown_reuse(row.reuse),
            "budget": None if row.budget is None else format(row.budget, "f"),
        }
        | limits(row.slots)
    )


def limits(row: JsonObject | None) -> Fields:
    slots = slots_of(row)
    if slots is None:
        return {}
    rate = slots.rate and rate_text(slots.rate.count, slots.rate.seconds)
    return {"concurrency": slots.concurrency or None, "startRate": rate}


def failure(row: FailureRow, redact: Redacting) -> Fields:
    shown = set_fields(
        {
            "taskId": row.id,
            "name": redact.value(row.name),
            "parentId": row.parent_id,
            "parentName": redact.value(row.parent_name),
            "error": redact.value(row.error),
            "failureCause": row.failure_cause,
            "nodeId": row.node_id,
            "subjobId": row.subjob_id,
        }
    )
    numbers = {"childIndex": row.child_index, "exitCode": row.exit_code}
    return shown | {name: value for name, value in numbers.items() if value is not None}


def totals(row: Totals) -> Fields:
    return {
        "jobs": {"running": row.running_jobs},
        "tasks": {"running": row.running_tasks},
        "nodes": {"online": row.online_nodes, "cpuPercent": row.cpu_percent},
    }


def _context(row: JobRow, shown: Fields, secrets: Mapping[str, str], redact: Redacting) -> Fields:
    variables = {name: redact.value(text) for name, text in (row.variables or {}).items()}
    return {"job": {"id": shown["id"], "name": shown["name"]}} | set_fields(
        {
            "inputs": shown.get("inputs"),
            "secrets": secrets,
            "tasks": hide_by_name(variables),
        }
    )


def _secret_names(row: JobRow) -> dict[str, str]:
    names = [name for name in row.secret_names if not name.startswith(OWN_SECRETS)]
    return dict.fromkeys(names, REDACTED)
