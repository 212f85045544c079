"""/jobs and /tasks: list, show, cancel and restart."""

from collections.abc import Callable, Sequence
from functools import partial

from aiohttp import web

from services.coordinator import commands, node_reasons, wait_reasons
from services.coordinator.api.access.principal import Principal, principal
from services.coordinator.api.access.schemas import read_optional_body
from services.coordinator.api.access.shown import product_of
from services.coordinator.api.access.visibility import require_operable, visible_job
from services.coordinator.api.errors import BadRequest, Conflict, NotFound
from services.coordinator.api.replies import Fields, Status, reply, set_fields
from services.coordinator.api.requests import (
    HeaderQuery,
    JobQuery,
    JobsQuery,
    QueueQuery,
    SearchQuery,
    path_id,
    ports,
    query,
)
from services.coordinator.api.route import (
    DONE,
    UNPAID,
    RouteGroup,
    Scope,
    error,
    response,
)
from services.coordinator.api.tork import task_views, views
from services.coordinator.api.tork.schemas.jobs import (
    Cancel,
    Job,
    JobCounts,
    JobHeader,
    JobPage,
    QueueSize,
    Restart,
)
from services.coordinator.api.tork.schemas.placement import JobPlacement
from services.coordinator.api.tork.schemas.tasks import Task
from services.coordinator.api.tork.whole_job import reply_job
from services.coordinator.api.usage import shown_together
from services.coordinator.ports import ApiPorts
from services.coordinator.store import (
    bytenite_jobs,
    family_usage,
    job_counts,
    job_header,
    job_list,
    job_queue,
    job_search,
    one_job,
)
from services.coordinator.store.rows import SummaryRow
from services.coordinator.store.tasks_summary import tasks_summary
from services.coordinator.store.waiting import waiting_jobs
from shared.jobspec.limits import MAX_NAME
from shared.lifecycle import JobState
from shared.planning.disclosure import Redacting, redacting

_WAITING = "waiting"
"""The search for jobs that wait, each with the reason."""
JOBS = RouteGroup(
    group="jobs", tag="jobs", path_meanings={"id": "The job's id."}, missing="There is no such job."
)
TASKS = RouteGroup(
    group="tasks",
    tag="tasks",
    path_meanings={"id": "The task's id."},
    missing="There is no such task.",
)


@JOBS.route(
    "GET /jobs", "List jobs, newest first", response("A page of jobs.", JobPage), query=JobsQuery
)
async def list_jobs(request: web.Request) -> web.Response:
    asked = query(request, JobsQuery)
    api = ports(request)
    who = principal(request)
    readers, access_to = who.readers, who.access_to
    redact = partial(redacting, api.sealer)
    if asked.q.split() == [_WAITING]:
        if asked.order != "newest":
            raise BadRequest(f"order: jobs that wait are listed newest first, not {asked.order}")
        waiting = await api.run(waiting_jobs, asked.wanted(), readers)
        why = await api.run(wait_reasons.of_jobs, [row.id for row in waiting.items])
        return reply(views.job_page(waiting, redact, access_to, why))
    found = await api.run(job_list.list_jobs, asked.search(), asked.wanted(), readers)
    phases = await api.run(bytenite_jobs.phases, [row.id for row in found.items])
    return reply(views.job_page(found, redact, access_to, phases=phases))


@JOBS.route(
    "GET /jobs/counts",
    "Count jobs by state",
    response("The counts.", JobCounts),
    query=SearchQuery,
)
async def count_jobs(request: web.Request) -> web.Response:
    search = query(request, SearchQuery).search()
    counts = await ports(request).run(job_counts.by_state, search, principal(request).readers)
    return reply({"states": counts, "most": job_counts.MOST})


@JOBS.route(
    "GET /jobs/queue",
    "List jobs that wait to be started, in the order of their priority",
    response("A page of jobs.", JobPage),
    query=QueueQuery,
)
async def list_queued_jobs(request: web.Request) -> web.Response:
    """Jobs with equal priority: the oldest first. The priority of a job is the highest of its tasks
    that wait. Held and locked jobs are not in the queue. Of each state the oldest 10,000 are looked
    at."""
    asked, api, who = query(request, QueueQuery), ports(request), principal(request)
    found = await api.run(job_queue.queued_jobs, asked.search(), asked.request(), who.readers)
    return reply(
        views.job_page(found, partial(redacting, api.sealer), who.access_to, follows=False)
    )


@JOBS.route(
    "GET /jobs/queue/size",
    "Count the jobs that wait to be started, also those that you may not see",
    response("The size of the queue.", QueueSize),
)
async def get_queue_size(request: web.Request) -> web.Response:
    size = await ports(request).run(job_queue.queue_size)
    return reply(QueueSize(size=size, most=job_queue.MOST))


@JOBS.route(
    "GET /jobs/{id}",
    "Show a job with its tasks",
    response("The whole job.", Job),
    query=JobQuery,
)
async def get_job(request: web.Request) -> web.StreamResponse:
    with_tasks = query(request, JobQuery).tasks
    return await reply_job(request, path_id(request, "job"), with_tasks=with_tasks)


@JOBS.route(
    "GET /jobs/{id}/placement",
    "Explain for each node why it is not taken for what waits",
    response("What waits for a node, and the reasons.", JobPlacement),
)
async def get_placement(request: web.Request) -> web.Response:
    api, job_id = ports(request), path_id(request, "job")
    job = await visible_job(request, job_id)
    found = await api.run(node_reasons.of_job, job_id)
    redact = redacting(api.sealer, job.sealed)
    return reply({"waiting": [task_views.node_reasons(group, redact) for group in found]})


@JOBS.route(
    "GET /jobs/{id}/summary",
    "Find a job by its id, the beginning of its id (4 characters), or its name",
    response("The job without its tasks.", JobHeader),
    {409: error("Several jobs begin so or have this name; the message lists some.")},
    query=HeaderQuery,
)
async def find_job(request: web.Request) -> web.Response:
    """Names are looked for among the newest 10,000 jobs."""
    text = request.match_info["id"][:MAX_NAME]
    api, who, asked = ports(request), principal(request), query(request, HeaderQuery)
    readers = who.readers
    row = found = None
    if "\0" not in text:  # Postgres has no NUL, so no job is called that
        row = await api.run(one_job.summary, text, readers)
        found = [row] if row else await api.run(job_search.named, text, readers)
    if not found:
        raise NotFound(f"no job has the id or name {text!r}")
    if len(found) > 1:
        raise Conflict(_ambiguous(text, found, partial(redacting, api.sealer)))
    shown = views.summary(
        found[0], redacting(api.sealer, found[0].sealed), who.access_to(found[0].readers)
    )
    phases = await api.run(bytenite_jobs.phases, [found[0].id])
    shown |= set_fields({"phase": phases.get(found[0].id)})
    return reply(shown | (await _details(api, found[0], who) if asked.details else {}))


async def _details(api: ApiPorts, job: SummaryRow, who: Principal) -> Fields:
    redact = redacting(api.sealer, job.sealed)
    contents = await api.run(job_header.contents, job.id)
    shown: Fields = {
        "hasBranches": contents.has_branches,
        "hasVersions": contents.has_versions,
        "hasServices": contents.has_services,
        "hasReuse": contents.has_reuse,
        "tasksSummary": (await api.run(tasks_summary, job.id))._asdict(),
    } | set_fields(views.limits(contents.slots))
    if not JobState(job.state).is_final:
        why = await api.run(wait_reasons.of_jobs, [job.id])
        shown |= task_views.waits(why.get(job.id), redact)
    elif contents.has_branches and (used := await api.run(family_usage.of_subjobs, job.id)):
        shown["subJobsUsage"] = shown_together(used)
    if job.state == JobState.FAILED and (failure := await api.run(job_header.failure, job.id)):
        shown["failure"] = views.failure(failure, redact)
    if job.parent_id is not None:
        parents = await api.run(job_header.parents, job.id, who.readers)
        shown["parents"] = [
            {
                "id": one.id,
                "name": redacting(api.sealer, one.sealed).value(one.name),
                "taskId": one.task_id,
            }
            for one in parents
        ]
    return shown


def _ambiguous(
    text: str, found: Sequence[SummaryRow], redact: Callable[[str | None], Redacting]
) -> str:
    shown = []
    for row in found[: job_search.MOST_FOUND]:
        name = redact(row.sealed).value(row.name)
        which = "" if name == text else f"{name}, "
        shown.append(f"{row.id} ({which}{row.state}, {row.created_at:%F %T} UTC)")
    more = ["…"] if len(found) > len(shown) else []
    return f"several jobs match {text!r}: " + "; ".join(shown + more)


@JOBS.route(
    "PUT /jobs/{id}/cancel",
    "Cancel a job that is not final",
    DONE,
    {400: error("The job has completed or failed, or it has no such submission.")},
    scope=Scope.OPERATE,
    body=Cancel,
    example={"reason": "its input was wrong"},
)
async def cancel_job(request: web.Request) -> web.Response:
    """One that is cancelled already stays so, with its first reason. Jobs that its tasks have
    started and wait for are cancelled with it. With `submissionId` the job goes on as long as other
    submissions were answered with it."""
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    asked = await read_optional_body(request, Cancel)
    by, client, submission_id = principal(request).creator, product_of(request), asked.submission_id
    await ports(request).commands.cancel(
        job_id, by, client=client, reason=asked.reason, submission_id=submission_id
    )
    return reply(Status())


@JOBS.route(
    "PUT /jobs/{id}/release",
    "Release a held job: it begins, or waits for its startAt",
    DONE,
    {400: error("The job is not held."), 402: UNPAID},
    scope=Scope.OPERATE,
)
async def release_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    await ports(request).commands.release(job_id)
    return reply(Status())


@JOBS.route(
    "PUT /jobs/{id}/restart",
    "Restart a failed or cancelled job where it stopped, or an ended one from a task on",
    DONE,
    {
        400: error("The job is in another state, or has no such task; the message says which."),
        402: UNPAID,
    },
    scope=Scope.OPERATE,
    body=Restart,
    example={"from": "assemble"},
)
async def restart_job(request: web.Request) -> web.Response:
    """With `from` that task and all after it run again, in a graph those that need it; what tasks
    before it have left stays."""
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    asked = await read_optional_body(request, Restart)
    position = asked.from_ if isinstance(asked.from_, int) else None
    if isinstance(asked.from_, str):
        position = await ports(request).run(one_job.position_of, job_id, asked.from_)
        if position is None:
            raise BadRequest(f"from: the job has no task {asked.from_!r}")
    await ports(request).commands.restart(job_id, commands.Restart(position))
    return reply(Status())


@TASKS.route("GET /tasks/{id}", "Show one attempt at a task", response("The task.", Task))
async def get_task(request: web.Request) -> web.Response:
    api = ports(request)
    readers = principal(request).readers
    found = await api.run(one_job.one_task, path_id(request, "task"), readers)
    if found is None:
        raise NotFound("no such task")
    why = await api.run(wait_reasons.of_tasks, wait_reasons.may_wait([found.row]))
    redact = redacting(api.sealer, found.sealed)
    return reply(task_views.task(found.row, redact, why.get(found.row.id)))
