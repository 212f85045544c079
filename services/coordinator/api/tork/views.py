"""From rows to answers in Tork's shapes: secrets taken out, what is empty left out.

They are dicts, made by a plan from rows without a model for each: a job may have a hundred thousand
tasks. The models in `schemas` describe them, and a test holds the two together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from pydantic.alias_generators import to_camel

from services.coordinator.api.tork.definitions import (
    Fields,
    shown_defaults,
    shown_reuse,
    shown_task,
    shown_webhook,
    shown_without,
)
from services.coordinator.api.usage import shown_usage
from services.coordinator.live.event_bodies import log_part
from services.coordinator.node_reasons import NodeReasons
from services.coordinator.store.job_header import FailureRow
from services.coordinator.store.logs import Log
from services.coordinator.store.rows import (
    JobRow,
    JsonObject,
    Page,
    SummaryRow,
    TaskRow,
    Totals,
)
from services.coordinator.wait_reasons import Waiting
from shared.definition import Encoded
from shared.definition.quantities import format_duration, rate_text
from shared.jobspec.limits import OWN_SECRETS
from shared.lifecycle import Slots, shown_position
from shared.planning.disclosure import Redacting
from shared.planning.secret_names import hide_by_name
from shared.process.redaction import REDACTED
from shared.store.rows import slots_of

R = TypeVar("R")


def _plan(columns: tuple[str, ...], first_other: str) -> tuple[str, ...]:
    """The names on the wire of the columns before `first_other`; the rest is shown otherwise."""
    return tuple(map(to_camel, columns[: columns.index(first_other)]))


_ENDS = {"COMPLETED": "completed_at", "FAILED": "failed_at", "CANCELLED": "cancelled_at"}
"""Final states, and when a job came to them."""
_SUMMARY = _plan(SummaryRow._fields, "sealed")
_TASK = _plan(TaskRow._fields, "definition")
_shown_evaluated = shown_without(frozenset(_TASK))
"""The definition of an attempt, which has columns for the rest."""


def _shown(plan: tuple[str, ...], row: tuple[Any, ...]) -> Fields:
    """The columns of the plan that are not empty."""
    return dict(compress(zip(plan, row, strict=False), row))


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


def page(rows: Page[R], items: list[Fields]) -> Fields:
    return {
        "number": rows.request.number,
        "size": len(items),
        "totalPages": rows.total_pages,
        "items": items,
        "totalItems": rows.total_items,
    }


def summary(row: SummaryRow, redact: Redacting, access: str) -> Fields:
    """`access`: what whoever asks may do with it."""
    shown = _shown(_SUMMARY, row)
    position = shown_position(row.state, row.position, row.task_count)
    shown |= {"name": row.name, "position": position, "taskCount": row.task_count}
    if row.state == "SCHEDULED":
        shown.setdefault("startedAt", row.created_at)
    _redact(shown, redact, ("name", "description", "tags", "inputs", "result", "error"))
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
    _round_progress(shown)
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
        | _limits(slots_of(row.slots))
    )


def _limits(slots: Slots | None) -> Fields:
    if slots is None:
        return {}
    rate = slots.rate and rate_text(slots.rate.count, slots.rate.seconds)
    return {"concurrency": slots.concurrency or None, "startRate": rate}


def task(row: TaskRow, redact: Redacting, why: Waiting | None = None) -> Fields:
    """`why` it waits, if it does."""
    definition = redact.value(_shown_evaluated(row.definition))
    shown = definition | _shown(_TASK, row) | waits(why, redact)
    if row.exit_code is not None:
        shown["exitCode"] = row.exit_code
    if row.child_index is not None:
        shown["childIndex"] = row.child_index
    if row.sequence is not None:
        shown["sequence"] = row.sequence
    if row.timings:
        shown["timings"] = shown_timings(row.timings)
    if row.usage:
        shown["usage"] = shown_usage(row.usage)
    if row.attempt and "retry" in shown:
        shown["retry"] = shown["retry"] | {"attempts": row.attempt}
    if row.children or row.subjob_id:
        shown |= _made_of(definition, row)
    if row.omitted:
        shown["omitted"] = row.omitted
    shown |= set_fields({"phase": row.phase, "imageDigest": row.image_digest})
    _redact(shown, redact, ("name", "var", "result", "error", "lastReturnReason"))
    _round_progress(shown)
    return shown


class AttemptRow(Protocol):
    """A row of an attempt: the values of a plan first, then more."""

    @property
    def child_index(self) -> int | None: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def timings(self) -> Sequence[tuple[str, int, int]] | None: ...
    def __iter__(self) -> Iterator[Any]: ...


def attempt_in_short(
    plan: Sequence[str], row: AttemptRow, redact: Redacting, longest_error: int
) -> Fields:
    """What of an attempt is not empty, under the names of `plan`."""
    shown: Fields = dict(compress(zip(plan, row, strict=False), row))
    shown |= {name: redact.value(shown[name]) for name in ("name", "error") if name in shown}
    if "error" in shown:
        shown["error"] = shown["error"][:longest_error]
    if row.child_index is not None:
        shown["childIndex"] = row.child_index
    if row.exit_code is not None:
        shown["exitCode"] = row.exit_code
    if row.timings:
        shown["timings"] = shown_timings(row.timings)
    return shown


_KINDS = (
    ("parallel", "parallel"),
    ("each", "each"),
    ("spawn", "spawn"),
    ("subjob", "subjob"),
    ("partition", "subjob"),
    ("placement", "placed"),
)


def kind_of(task: Mapping[str, Any]) -> str:
    """Of a task as submitted."""
    return next((kind for field, kind in _KINDS if task.get(field)), "task")


def shown_timings(timings: Sequence[tuple[str, int, int]]) -> list[Fields]:
    names = "phase", "startedMs", "durationMs"
    return [dict(zip(names, timing, strict=True)) for timing in timings]


def waits(why: Waiting | None, redact: Redacting) -> Fields:
    """The field `waiting` of what waits."""
    if why is None:
        return {}
    message = redact.value(why.message)
    fields = {"reason": why.reason, "message": message, "until": why.until, "taskId": why.task_id}
    return {"waiting": set_fields(fields)}


def node_reasons(group: NodeReasons, redact: Redacting) -> Fields:
    return {
        "name": redact.value(group.tasks[0].name),
        "taskIds": [task.id for task in group.tasks],
        "message": redact.value(group.message),
        "nodes": [
            {"id": node.node_id, "name": node.name, "reasons": redact.value(node.reasons)}
            for node in group.nodes
        ],
    }


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


def set_fields(fields: Fields) -> Fields:
    """Those that are not empty."""
    return {name: value for name, value in fields.items() if value}


def _redact(shown: Fields, redact: Redacting, names: tuple[str, ...]) -> None:
    shown |= {name: redact.value(shown[name]) for name in names if name in shown}


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


def shown_definition(task: Encoded, redact: Redacting) -> Fields:
    return redact.value(shown_task(task))


def _made_of(definition: Mapping[str, Any], row: TaskRow) -> Fields:
    """What a composite task is made of, with how far that is."""
    made_of: Fields = {}
    if row.children and (each := definition.get("each")):
        made_of["each"] = each | {
            "size": row.children["total"],
            "index": row.children["begun"],
            **_counts(row),
        }
    if row.children and (spawn := definition.get("spawn")):
        made_of["spawn"] = spawn | {"size": row.children["total"], **_counts(row)}
        if row.children.get("opened") is not None:
            made_of["spawn"]["sequence"] = row.children.get("sequence", 0)
    if row.children and (parallel := definition.get("parallel")):
        made_of["parallel"] = parallel | _counts(row)
    if row.children and (placement := definition.get("placement")) is not None:
        made_of["placement"] = placement | _executions(placement, row)
    for kind in ("subjob", "partition"):
        if row.subjob_id and (job := definition.get(kind)):
            made_of[kind] = job | {"id": row.subjob_id}
    return made_of


def _executions(placement: Mapping[str, Any], row: TaskRow) -> Fields:
    """How many of those that end run is nowhere counted."""
    counts: Any = row.children
    counted = _counts(row)
    shown = {"size": counts["total"]} | {
        name: counted[name] for name in ("completions", "failures") if name in counted
    }
    if row.state != "RUNNING" or placement.get("type") not in ("service", "daemon"):
        return shown
    running = counts.get("running", 0)
    return shown | {"running": running, "waiting": max(counts["total"] - running, 0)}


class Family(Protocol):
    """An attempt with children."""

    @property
    def state(self) -> str: ...
    @property
    def children(self) -> JsonObject | None: ...


def child_counts(row: Family, *, is_placed: bool) -> Fields:
    counts: Any = row.children
    shown = {"size": counts["total"]} | _counts(row)
    if is_placed and row.state == "RUNNING":
        # Executions don't begin one after the other: those that run are counted, or nothing is.
        del shown["running"], shown["waiting"]
        if running := counts.get("running"):
            shown |= {"running": running, "waiting": max(counts["total"] - running, 0)}
    return shown


def _counts(row: Family) -> Fields:
    counts: Any = row.children
    total, ended = counts["total"], counts["ended"]
    shown = {"completions": ended} | set_fields({"failures": counts.get("failed")})
    if row.state != "RUNNING":
        return shown
    running = max(counts["begun"] - ended - counts["waiting"], 0)
    return shown | {"running": running, "waiting": total - ended - running}


def _round_progress(shown: Fields) -> None:
    """Shares of many children add up to more digits than mean anything."""
    if "progress" in shown and (progress := round(shown.pop("progress"), 2)):
        shown["progress"] = progress
