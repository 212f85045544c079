"""/api/v1/orchestrator/jobs: list, show, stop, and what has become of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from services.coordinator import wait_reasons
from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.shown import product_of
from services.coordinator.api.bacalhau import job_views
from services.coordinator.api.bacalhau.bodies import parsed_body
from services.coordinator.api.bacalhau.groups import (
    JOBS,
    Labels,
    ListQuery,
    NamespaceQuery,
    VersionQuery,
    chosen,
)
from services.coordinator.api.bacalhau.ids import meant_id, shown_id
from services.coordinator.api.bacalhau.lookup import job_of, operable_job
from services.coordinator.api.bacalhau.schemas import ItemList, JobStopped, OneJob, StopJob
from services.coordinator.api.bacalhau.tokens import place_of, token_of
from services.coordinator.api.errors import Conflict
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import WITHOUT_NUL, ports, query, time_of
from services.coordinator.api.route import Scope, error, response
from services.coordinator.api.selectors import parse_selector
from services.coordinator.store import deletion, executions, named_jobs
from services.coordinator.store.history import (
    FROM_THE_START,
    HistoryFilter,
    HistoryPlace,
    history,
    is_on_its_way,
)
from services.coordinator.store.named_jobs import Listing, NamedJob, Place
from shared.jobspec.bacalhau.rules import ALL_NAMESPACES
from shared.planning.disclosure import redacting

_ORDERS = ("created_at", "modified_at")
_MOST = 1000
_HISTORY_PAGE = 100
_LATEST_TIME = 253_402_300_799
"""Seconds since 1970 until the year 10000."""


class JobsQuery(ListQuery):
    """Which jobs."""

    namespace: Annotated[
        str,
        Field(
            max_length=256,
            pattern=WITHOUT_NUL,
            description="Only those of it; empty or `*`: of all.",
        ),
    ] = ""
    labels: Labels = ""
    name: Annotated[str, Field(max_length=256, description="Only those of this name.")] = ""
    state: Annotated[
        str,
        Field(max_length=100, description="Conveyor's own: only those in one of these: `a,b`."),
    ] = ""
    since: Annotated[
        str,
        Field(
            max_length=100,
            description="Conveyor's own: only those created since a time, or a span such as `7d`.",
        ),
    ] = ""
    before: Annotated[
        str, Field(max_length=100, description="Conveyor's own: only those created before.")
    ] = ""


class JobQuery(VersionQuery):
    """What of a job."""

    include: Annotated[
        str, Field(max_length=100, description="`history`, `executions`, or both: `a,b`.")
    ] = ""
    limit: Annotated[
        int, Field(ge=0, le=10_000, description="At most so many of what is included; 0: all.")
    ] = 0


class HistoryQuery(ListQuery, VersionQuery):
    """What has happened."""

    since: Annotated[
        int, Field(ge=0, le=_LATEST_TIME, description="Only since, in seconds since 1970.")
    ] = 0
    event_type: Annotated[
        Literal["", "all", "job", "execution"],
        Field(description="Only what has happened to the job, or to its executions."),
    ] = ""
    execution_id: Annotated[
        str, Field(max_length=100, description="Only to the executions whose id begins so.")
    ] = ""
    node_id: Annotated[str, Field(max_length=100, description="Only on this node.")] = ""
    all_job_versions: Annotated[
        bool, Field(description="To all versions; without `job_version` they are all.")
    ] = False


class ExecutionsQuery(ListQuery, VersionQuery):
    """Which executions."""

    all_job_versions: Annotated[
        bool, Field(description="Of all versions, not of the latest alone.")
    ] = False


class StopQuery(NamespaceQuery):
    """How to stop it."""

    reason: Annotated[str, Field(max_length=300, pattern=WITHOUT_NUL, description="Why.")] = ""
    purge: Annotated[
        bool,
        Field(description="Conveyor's own: delete the job, which has ended, with all its data."),
    ] = False


@JOBS.route(
    "GET /api/v1/orchestrator/jobs", "List jobs", response("Jobs.", ItemList), query=JobsQuery
)
async def list_bacalhau_jobs(request: web.Request) -> web.Response:
    """The oldest first; without a limit a thousand at a time."""
    asked, api = query(request, JobsQuery, joined=("labels",)), ports(request)
    listing = _listing(asked)
    found = await api.run(named_jobs.list_jobs, listing, principal(request).readers)
    shown = await _shown(request, found[: listing.limit - 1])
    is_more = len(found) == listing.limit
    token = _token(listing, found[-2]) if is_more else ""
    return reply(ItemList(items=shown, next_token=token))


def _listing(asked: JobsQuery) -> Listing:
    order, reverse = chosen(asked.order_by, _ORDERS, "order_by"), asked.reverse
    after = None
    if asked.next_token:
        order, backwards, *place = place_of(asked.next_token, str, int, datetime, str)
        reverse, after = bool(backwards), Place(*place)
    now = datetime.now(UTC)
    labels = [
        {"key": one.key, "operator": one.operator, "values": list(one.values)}
        for one in parse_selector(asked.labels)
    ]
    return Listing(
        namespace=None if asked.namespace in ("", ALL_NAMESPACES) else asked.namespace,
        labels=labels,
        states=_states(asked.state),
        since=time_of("since", asked.since, now) if asked.since else None,
        before=time_of("before", asked.before, now) if asked.before else None,
        order_by=order,
        reverse=reverse,
        limit=min(asked.limit or _MOST, _MOST) + 1,
        after=after,
        name=asked.name or None,
    )


def _token(listing: Listing, last: NamedJob) -> str:
    at = last.modified_at if listing.order_by == "modified_at" else last.created_at
    return token_of(listing.order_by, int(listing.reverse), at, last.id)


def _states(text: str) -> list[str]:
    known = {state.lower(): state for state in named_jobs.STATES}
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [known[chosen(name.lower(), tuple(known), "state")] for name in names]


async def _shown(request: web.Request, jobs: Sequence[NamedJob]) -> list[job_views.Fields]:
    api = ports(request)
    waiting = [job.id for job in jobs if job.state in ("Queued", "Pending")]
    why = await api.run(wait_reasons.of_jobs, waiting) if waiting else {}
    return [
        job_views.shown_job(job, redacting(api.sealer, job.sealed), why.get(job.id)) for job in jobs
    ]


@JOBS.route(
    "GET /api/v1/orchestrator/jobs/{id}",
    "Show a job",
    response("The job.", OneJob),
    {409: error("Several jobs begin so.")},
    query=JobQuery,
)
async def get_bacalhau_job(request: web.Request) -> web.Response:
    asked = query(request, JobQuery)
    included = {
        chosen(part.strip(), ("history", "executions"), "include")
        for part in asked.include.split(",")
        if part.strip()
    }
    job = await job_of(request, asked.namespace, asked.job_version)
    happened = run = None
    if "history" in included:
        happened = await _history(request, job, HistoryQuery(limit=asked.limit or _MOST))
    if "executions" in included:
        shown = await _executions(request, job, asked.job_version or None)
        run = ItemList(items=shown[: asked.limit or None])
    (shown_job,) = await _shown(request, [job])
    return reply(OneJob(job=shown_job, history=happened, executions=run))


@JOBS.route(
    "DELETE /api/v1/orchestrator/jobs/{id}",
    "Stop a job",
    response("It is stopped.", JobStopped),
    {409: error("The job has ended; or, with `purge`, it has not. Or several jobs begin so.")},
    query=StopQuery,
    body=StopJob,
    example={"reason": "it is no longer needed"},
    scope=Scope.OPERATE,
)
async def stop_bacalhau_job(request: web.Request) -> web.Response:
    """One that is stopped already stays so."""
    asked = query(request, StopQuery)
    reason = (await parsed_body(request, StopJob)).reason
    job = await operable_job(request, asked.namespace)
    if asked.purge:
        if not await ports(request).run(deletion.delete_job, job.id):
            raise Conflict(f"cannot delete job in state {job.state}: stop it first")
        return reply(JobStopped(evaluation_id=""))
    if job.state == "Stopped":
        return reply(JobStopped(evaluation_id=""))
    if job.is_final:
        raise Conflict(f"cannot stop job in state {job.state}")
    by, client = principal(request).creator, product_of(request)
    await ports(request).commands.cancel(job.id, by, client=client, reason=reason)
    return reply(JobStopped(evaluation_id=shown_id("j", job.id).removeprefix("j-")))


@JOBS.route(
    "GET /api/v1/orchestrator/jobs/{id}/executions",
    "List the executions of a job",
    response("Executions, the oldest first.", ItemList),
    {409: error("Several jobs begin so.")},
    query=ExecutionsQuery,
)
async def list_bacalhau_executions(request: web.Request) -> web.Response:
    asked = query(request, ExecutionsQuery)
    job = await job_of(request, asked.namespace, asked.job_version)
    version = None if asked.all_job_versions else job.version
    order = chosen(asked.order_by, _ORDERS, "order_by")
    start = place_of(asked.next_token, int)[0] if asked.next_token else 0
    shown = await _executions(request, job, version)
    key = "ModifyTime" if order == "modified_at" else "CreateTime"
    items = sorted(shown, key=itemgetter(key), reverse=asked.reverse)
    end = start + (asked.limit or _MOST)
    token = token_of(end) if len(items) > end else ""
    return reply(ItemList(items=items[start:end], next_token=token))


async def _executions(
    request: web.Request, job: NamedJob, version: int | None
) -> list[job_views.Fields]:
    api = ports(request)
    rows = await api.run(executions.executions, job.id, version)
    redact = redacting(api.sealer, job.sealed)
    return [job_views.shown_execution(row, job.namespace, redact) for row in rows]


@JOBS.route(
    "GET /api/v1/orchestrator/jobs/{id}/history",
    "List what has happened to a job and its executions",
    response("What has happened; `NextToken` until the job has ended and all is told.", ItemList),
    {409: error("Several jobs begin so.")},
    query=HistoryQuery,
)
async def list_bacalhau_history(request: web.Request) -> web.Response:
    """Whoever asks with the token of each answer misses nothing and is told nothing twice."""
    asked = query(request, HistoryQuery)
    job = await job_of(request, asked.namespace, asked.job_version)
    return reply(await _history(request, job, asked))


async def _history(request: web.Request, job: NamedJob, asked: HistoryQuery) -> ItemList:
    api = ports(request)
    after = FROM_THE_START
    if asked.next_token:
        after = HistoryPlace(*place_of(asked.next_token, int, int, int, int))
    limit = min(asked.limit or _HISTORY_PAGE, _MOST)
    wanted = HistoryFilter(
        since=datetime.fromtimestamp(asked.since, UTC) if asked.since else None,
        level=asked.event_type if asked.event_type in ("job", "execution") else None,
        execution=_execution(asked.execution_id),
        node_id=asked.node_id or None,
        version=None if asked.all_job_versions else asked.job_version or None,
    )
    is_over = job.is_final and not await api.run(is_on_its_way, job.id)
    rows = await api.run(history, job.id, wanted, after, limit)
    items = job_views.shown_history(rows, job.id, redacting(api.sealer, job.sealed))
    place = rows[-1].place if rows else after
    token = "" if is_over and len(rows) < limit else token_of(*place)
    return ItemList(items=items, next_token=token)


def _execution(text: str) -> str | None:
    """What can't be an id is that of no execution."""
    return (meant_id("e", text) or "none") if text else None


@JOBS.route(
    "GET /api/v1/orchestrator/jobs/{id}/versions",
    "List the versions of a job",
    response("Versions, the oldest first.", ItemList),
    {409: error("Several jobs begin so.")},
    query=NamespaceQuery,
)
async def list_bacalhau_versions(request: web.Request) -> web.Response:
    asked, api = query(request, NamespaceQuery), ports(request)
    job = await job_of(request, asked.namespace)
    found = await api.run(named_jobs.versions, job.id, principal(request).readers)
    redact = redacting(api.sealer, job.sealed)
    return reply(ItemList(items=[job_views.shown_job(version, redact) for version in found]))


JOB_ROUTES = (
    list_bacalhau_jobs,
    get_bacalhau_job,
    stop_bacalhau_job,
    list_bacalhau_executions,
    list_bacalhau_history,
    list_bacalhau_versions,
)
