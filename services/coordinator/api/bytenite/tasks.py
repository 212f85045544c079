"""/v1/computing/jobs/{id}/tasks and chunks, the tasks that run, and /v1/computing/logs."""

from collections import defaultdict
from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.bodies import parsed_body
from services.coordinator.api.bytenite.groups import BYTENITE, JOBS, at_both
from services.coordinator.api.bytenite.log_levels import LEVELS, level_of
from services.coordinator.api.bytenite.lookup import job_called, job_of
from services.coordinator.api.bytenite.task_schemas import (
    AskedLogs,
    AskedTasks,
    ChunkList,
    ChunkView,
    Logs,
    TaskList,
    TaskLogLine,
    TaskLogs,
    TaskView,
)
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import error, response
from services.coordinator.api.usage import price_of
from services.coordinator.store import bytenite_tasks
from services.coordinator.store.bytenite_tasks import ByteniteTask, LogPart
from shared.jobspec.bytenite.phases import APP, ASSEMBLE, DELIVER, PARTITION
from shared.jobspec.problems import InvalidJob, Problem
from shared.planning.disclosure import Redacting, redacting

_MOST = 10_000
_MOST_PARTS = 2_000
SERVICES = {
    PARTITION: "partitioner",
    APP: "taskrunner",
    ASSEMBLE: "assembler",
    DELIVER: "deliverer",
}
TASK_STATES = {
    "CREATED": "Scheduled",
    "PENDING": "Scheduled",
    "SCHEDULED": "Assigned",
    "RUNNING": "Running",
    "COMPLETED": "Completed",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
    "STOPPED": "Cancelled",
    "SKIPPED": "Completed",
}


class PageQuery(Query):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1, le=_MOST, description="At most so many.")] = 1000
    offset: Annotated[int, Field(ge=0, le=2**31, description="So many are left out first.")] = 0


@JOBS.route(
    "GET /v1/computing/jobs/{id}/tasks",
    "List the tasks of a job: its stages, and one for each chunk",
    response("Each by its newest attempt, in the order in which they run.", TaskList),
    query=PageQuery,
)
async def list_bytenite_tasks(request: web.Request) -> web.Response:
    job, asked, api = await job_of(request), query(request, PageQuery), ports(request)
    rows = await api.run(bytenite_tasks.tasks, job.id, asked.limit, asked.offset)
    redact = redacting(api.sealer, job.sealed)
    return reply(TaskList(tasks=[_task(row, redact) for row in rows]))


@JOBS.route(
    "GET /v1/computing/jobs/{id}/chunks",
    "List the chunks of a job",
    response("Each with the newest attempt at it.", ChunkList),
    query=PageQuery,
)
async def list_bytenite_chunks(request: web.Request) -> web.Response:
    job, asked, api = await job_of(request), query(request, PageQuery), ports(request)
    page = (asked.limit, asked.offset)
    rows = await api.run(bytenite_tasks.tasks, job.id, *page, only_chunks=True)
    redact = redacting(api.sealer, job.sealed)
    total = (job.chunks or {}).get("total", 0)
    return reply(ChunkList(total=total, chunks=[_chunk(row, redact) for row in rows]))


@BYTENITE.route(
    "POST /v1/computing/jobs/runningTasks",
    "List the tasks that run now",
    response("Those of jobs that the request may see, the oldest first.", TaskList),
    {422: error("The body breaks a rule.")},
    body=AskedTasks,
    example={"jobIds": []},
)
async def list_bytenite_running_tasks(request: web.Request) -> web.Response:
    asked, api = await parsed_body(request, AskedTasks), ports(request)
    names = [*asked.job_ids, *([asked.job_id] if asked.job_id else [])]
    rows = await api.run(bytenite_tasks.running, names, _MOST, principal(request).readers)
    return reply(TaskList(tasks=[_task(row, redacting(api.sealer, None)) for row in rows]))


@BYTENITE.route(
    "POST /v1/computing/logs",
    "Read the log of a job",
    response(f"The last lines, of at most {_MOST_PARTS} parts, the oldest first.", Logs),
    {404: error("There is no such job."), 422: error("The body breaks a rule.")},
    body=AskedLogs,
    example={"jobId": "1f0a3f52-8f7c-4b39-9d0a-1c6c2f4b9d11", "levels": [], "services": []},
)
async def get_bytenite_logs(request: web.Request) -> web.Response:
    asked, api = await parsed_body(request, AskedLogs), ports(request)
    _require_known("levels", asked.levels, LEVELS)
    _require_known("services", asked.services, SERVICES.values())
    if (job := await job_called(request, asked.job_id)) is None:
        raise NotFound("no such job")
    positions = [at for at, name in SERVICES.items() if name in asked.services]
    parts = await api.run(bytenite_tasks.log_parts, job.id, asked.task_ids, positions, _MOST_PARTS)
    return reply(_logs(parts, asked.levels, redacting(api.sealer, job.sealed)))


def _require_known(field: str, given: list[str], known: object) -> None:
    names = list(known)  # type: ignore[call-overload]  # texts
    for index, value in enumerate(given):
        if value not in names:
            rule = f"must be one of {', '.join(names)}"
            raise InvalidJob([Problem(f"{field}[{index}]", rule, repr(value))])


def _task(row: ByteniteTask, redact: Redacting) -> TaskView:
    return TaskView(
        id=row.id,
        job_id=row.job_name,
        service=SERVICES.get(row.position, "taskrunner"),
        chunk_index=row.child_index,
        **_common(row, redact),
    )


def _chunk(row: ByteniteTask, redact: Redacting) -> ChunkView:
    return ChunkView(index=row.child_index or 0, task_id=row.id, **_common(row, redact))


def _common(row: ByteniteTask, redact: Redacting) -> dict[str, object]:
    return {
        "state": TASK_STATES[row.state],
        "attempts": row.attempt + 1,
        "node_id": row.node_id,
        "exit_code": row.exit_code,
        "error_message": redact.value(row.error),
        "scheduled_at": row.scheduled_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "reused_from": row.reused_from,
        "payment_amount": float(price_of(row.rates, row.usage)),
    }


def _logs(parts: list[LogPart], levels: list[str], redact: Redacting) -> Logs:
    found: dict[int, list[TaskLogLine]] = defaultdict(list)
    chunks: dict[str, list[TaskLogLine]] = defaultdict(list)
    for part in parts:
        lines = chunks[part.task_id] if part.position == APP else found[part.position]
        for text in redact.value(part.contents).splitlines():
            if not levels or level_of(text) in levels:
                lines.append(_line(part, text))
    taskrunner = {task_id: TaskLogs(logs=lines) for task_id, lines in chunks.items()}
    return Logs(
        partitioner=found[PARTITION],
        assembler=found[ASSEMBLE],
        deliverer=found[DELIVER],
        taskrunner=taskrunner,
    )


def _line(part: LogPart, text: str) -> TaskLogLine:
    return TaskLogLine(
        log=text, timestamp=part.created_at, level=level_of(text), container=part.task_name
    )


TASK_ROUTES = at_both(
    list_bytenite_tasks,
    list_bytenite_chunks,
    list_bytenite_running_tasks,
    get_bytenite_logs,
)
