"""GET /jobs/{id}/tasks: a page of rows of a job's tasks."""

from collections.abc import Mapping, Sequence
from functools import partial

from aiohttp import web
from pydantic.alias_generators import to_camel

from services.coordinator import wait_reasons
from services.coordinator.api.access.visibility import visible_job
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import Fields, reply, set_fields
from services.coordinator.api.requests import path_id, ports, query
from services.coordinator.api.route import response
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.schemas.task_rows import TOP_LEVEL, TaskPage, TasksQuery
from services.coordinator.api.tork.task_views import (
    attempt_in_short,
    child_counts,
    kind_of,
    shown_definition,
    waits,
)
from services.coordinator.api.usage import shown_usage
from services.coordinator.ports import ApiPorts
from services.coordinator.store.task_list import Asked, NotBegun, TaskListRow, Tasks, tasks_of
from services.coordinator.wait_reasons import Waiting
from shared.lifecycle import JobState
from shared.planning.disclosure import Redacting, opened_task, redacting
from shared.planning.secrets import hidden_values
from shared.process.garbage import in_thread
from shared.process.sealing import Sealer, SealingError

_LONGEST_ERROR = 500
_COLUMNS = TaskListRow._fields[: TaskListRow._fields.index("is_execution")]
_PLAN = tuple(map(to_camel, _COLUMNS))


@JOBS.route(
    "GET /jobs/{id}/tasks",
    "List the tasks of a job in short, with how many are in which state",
    response("A page of tasks.", TaskPage),
    query=TasksQuery,
)
async def list_job_tasks(request: web.Request) -> web.Response:
    given, job_id = query(request, TasksQuery), path_id(request, "job")
    api = ports(request)
    job = await visible_job(request, job_id)
    hidden = _hidden(api.sealer, job.sealed) if given.q else ()
    found = await api.run(tasks_of, _asked(given, job_id, hidden))
    if found is None:
        raise NotFound(f"the job has no task {given.parent!r}")
    why = await _reasons(api, found, is_final=JobState(job.state).is_final)
    redact = redacting(api.sealer, job.sealed)
    shown = partial(_shown, given, found, redact, why, api.sealer)
    return await in_thread(lambda: reply(shown()))


def _hidden(sealer: Sealer, sealed: str | None) -> Sequence[str]:
    """What no name that is found may hold: a search would tell, bit by bit, what is taken out."""
    try:
        return hidden_values(sealer.secrets_in(sealed))
    except SealingError:  # all of its texts are hidden, and each has the empty one
        return [""]


def _asked(given: TasksQuery, job_id: str, hidden: Sequence[str]) -> Asked:
    page = given.request()
    return Asked(
        job_id=job_id,
        parent="" if given.parent == TOP_LEVEL else given.parent or None,
        states=given.states(),
        name=given.q,
        hidden=hidden,
        index=given.child_index(),
        last_only=given.attempts == "last",
        order=given.order,
        with_counts=given.counts,
        limit=page.size,
        offset=page.offset,
    )


async def _reasons(api: ApiPorts, found: Tasks, *, is_final: bool) -> Mapping[str, Waiting]:
    ids = () if is_final else wait_reasons.may_wait(found.rows)
    return await api.run(wait_reasons.of_tasks, ids) if ids else {}


def _shown(
    given: TasksQuery,
    found: Tasks,
    redact: Redacting,
    why: Mapping[str, Waiting],
    sealer: Sealer,
) -> Fields:
    items = [_row(row, redact, why.get(row.id)) for row in found.rows]
    items += [_not_begun(task, redact, sealer) for task in found.not_begun]
    page = {"number": given.request().number, "size": len(items), "items": items}
    if found.counts is None:
        return page
    asked = given.states() or list(found.counts)
    total = sum(found.counts.get(state, 0) for state in asked) + found.total_not_begun
    page |= {"counts": found.counts, "notBegun": found.total_not_begun, "totalItems": total}
    return page | {"totalPages": -(-total // given.request().size)}


def _row(row: TaskListRow, redact: Redacting, why: Waiting | None) -> Fields:
    shown = attempt_in_short(_PLAN, row, redact, _LONGEST_ERROR) | waits(why, redact)
    shown["kind"] = "execution" if row.is_execution else row.kind
    if row.attempts > 1:
        shown["attempts"] = row.attempts
    if row.usage:
        shown["usage"] = shown_usage(row.usage)
    if row.sequence is not None:
        shown["sequence"] = row.sequence
    if row.children:
        shown["children"] = child_counts(row, is_placed=row.kind == "placed")
    shown |= set_fields({"subjobId": row.subjob_id, "image": redact.value(row.image)})
    if "progress" in shown:
        shown["progress"] = round(row.progress, 2)
    return shown


def _not_begun(task: NotBegun, redact: Redacting, sealer: Sealer) -> Fields:
    submitted = shown_definition(opened_task(sealer, task.task), redact)
    facts = {name: submitted.get(name) for name in ("name", "queue", "image")}
    kind = "partition" if "partition" in submitted else kind_of(submitted)
    return {"kind": kind, "position": task.position} | set_fields(facts)
