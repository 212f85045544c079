"""GET /jobs/{id}/timeline: when the tasks of a job waited and ran."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic.alias_generators import to_camel

from services.coordinator.api.access.visibility import visible_job
from services.coordinator.api.replies import Fields, reply, set_fields
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import response
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.schemas.timeline import Timeline
from services.coordinator.api.tork.task_views import attempt_in_short, kind_of, shown_definition
from services.coordinator.store import one_job
from services.coordinator.store.rows import SummaryRow
from services.coordinator.store.timeline import MOST_ATTEMPTS, TimelineRow, timeline
from shared.planning.disclosure import Redacting, opened_task, redacting
from shared.process.garbage import in_thread

_LONGEST_ERROR = 300
_PLAIN = TimelineRow._fields[: TimelineRow._fields.index("child_index")]
_PLAN = tuple(map(to_camel, _PLAIN))


@JOBS.route(
    "GET /jobs/{id}/timeline",
    "Show when the tasks of a job waited and ran",
    response("All attempts in short, and how the tasks depend on each other.", Timeline),
)
async def get_timeline(request: web.Request) -> web.Response:
    api, job_id = ports(request), path_id(request, "job")
    job = await visible_job(request, job_id)
    kept = await api.run(one_job.few_tasks, job_id)
    rows = await api.run(timeline, job_id)
    redact = redacting(api.sealer, job.sealed)

    def answer() -> web.Response:
        tasks = [shown_definition(opened_task(api.sealer, task), redact) for task in kept]
        return reply(
            _of_job(job)
            | {
                "tasks": [_submitted(task) for task in tasks],
                "attempts": [_attempt(row, redact) for row in rows[:MOST_ATTEMPTS]],
                "isComplete": len(rows) <= MOST_ATTEMPTS,
            }
        )

    return await in_thread(answer)


def _of_job(job: SummaryRow) -> Fields:
    shown = {"state": job.state, "createdAt": job.created_at, "now": datetime.now(UTC)}
    ended_at = job.completed_at or job.failed_at or job.cancelled_at
    return shown | set_fields({"startedAt": job.started_at, "endedAt": ended_at})


def _submitted(task: Mapping[str, Any]) -> Fields:
    kind = kind_of(task)
    children = [_submitted(each) for each in _children(task, kind)]
    shown = {"name": task.get("name"), "tasks": children}
    # `needs: []` begins at once; without it, a task waits for those before it.
    needs = {} if task.get("needs") is None else {"needs": task["needs"]}
    return {"kind": kind} | set_fields(shown) | needs


def _children(task: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    match kind:
        case "each" | "spawn":
            return [task[kind]["task"]] if task[kind].get("task") else ()
        case "parallel" | "subjob":
            return (task.get(kind) or {}).get("tasks") or ()
        case _:
            return ()


def _attempt(row: TimelineRow, redact: Redacting) -> Fields:
    shown = attempt_in_short(_PLAN, row, redact, _LONGEST_ERROR)
    if row.children:
        counts: Any = row.children
        shown["children"] = {"size": counts["total"], "completions": counts["ended"]}
        shown["children"] |= set_fields({"failures": counts.get("failed")})
    return shown
