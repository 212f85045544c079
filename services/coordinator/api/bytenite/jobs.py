"""/v1/computing/jobs: drafts and their edits, lists, and one job."""

from dataclasses import replace
from math import ceil
from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import readers_of, require_operable
from services.coordinator.api.bytenite.bodies import parsed_body, unwrapped
from services.coordinator.api.bytenite.data_sources import with_keys_stored
from services.coordinator.api.bytenite.drafts import drafted, edited, new_version, replaced
from services.coordinator.api.bytenite.error_form import coded
from services.coordinator.api.bytenite.estimation import estimated
from services.coordinator.api.bytenite.groups import JOBS, NO_SOURCE_JOB, at_both
from services.coordinator.api.bytenite.lookup import (
    job_called,
    job_of,
    operable_job,
    reply_job,
    require_draft,
    with_temporary_url,
)
from services.coordinator.api.bytenite.runs import run_draft
from services.coordinator.api.bytenite.schemas import (
    CreateJob,
    EditConfig,
    EditDataSource,
    EditName,
    EditParams,
    FilterJobs,
    JobAnswer,
    JobList,
    Pagination,
)
from services.coordinator.api.bytenite.views import job_answer, job_view
from services.coordinator.api.errors import BadRequest, Conflict, NotFound
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, idempotency_key, is_repeated
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import UNPAID, Scope, error, response
from services.coordinator.api.submitter import submitter_of
from services.coordinator.api.tork.submission import ADMISSION
from services.coordinator.commands import NameTaken
from services.coordinator.store import bytenite_jobs, stored_secrets
from services.coordinator.store.bytenite_jobs import ByteniteJob, Listing
from services.coordinator.store.job_versions import WholeVersion
from shared.jobspec.bytenite.form import Tree, merged
from shared.jobspec.bytenite.rules import id_problems
from shared.jobspec.problems import InvalidJob
from shared.planning.disclosure import redacting
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job_id

_ORDERS = ("createdAt", "startedAt", "endedAt", "name")
_MOST = 1000
_STARTED = error("The job was run already, or another request has just changed it.")
_INVALID = error("The job breaks rules; `details` has each of them.")
_EXAMPLE = {"templateId": "video-encoding", "name": "clip", "params": {"app": {"width": 640}}}


class ListQuery(Query):
    """Which jobs, the newest first unless ordered."""

    limit: Annotated[
        int, Field(alias="pagination.limit", ge=1, le=_MOST, description="At most so many.")
    ] = 20
    offset: Annotated[
        int,
        Field(alias="pagination.offset", ge=0, le=2**31, description="So many are left out first."),
    ] = 0
    order_by: Annotated[
        str,
        Field(
            alias="orderBy",
            max_length=100,
            description=f"{', '.join(_ORDERS)}; with `desc` after it in the reverse order.",
        ),
    ] = ""


@JOBS.route(
    "POST /v1/computing/jobs",
    "Create a draft of a job, or change the one with its id; with `run`, run it",
    response("The job.", JobAnswer),
    {
        402: UNPAID,
        404: NO_SOURCE_JOB,
        409: _STARTED,
        422: _INVALID,
    },
    scope=Scope.SUBMIT,
    body=CreateJob,
    example=_EXAMPLE,
    headers=(IDEMPOTENCY_KEY,),
)
async def create_bytenite_job(request: web.Request) -> web.Response:
    """Repeated with the same `Idempotency-Key` it shows the job, which runs with `run`."""
    asked = await parsed_body(request, CreateJob)
    name = asked.job_id or asked.id
    if problems := list(id_problems(name, "jobId")) if name else None:
        raise InvalidJob(problems)
    async with request.app[ADMISSION].admitted():
        job = await job_called(request, name) if name else None
        if job is not None and not job.is_held and await is_repeated(request):
            return await reply_job(request, name)
        if job is None:
            name = await _created(request, name, _document(asked))
        else:
            await _changed(request, await _draft(request, job), _document(asked))
    if asked.run and (draft := await job_called(request, name)):
        await _run(request, draft)
    return await reply_job(request, name)


async def _run(request: web.Request, draft: ByteniteJob) -> None:
    """Once, of all requests with the same key."""
    try:
        await run_draft(request, draft, {})
    except Conflict:
        job = await job_called(request, draft.name)
        if job is None or job.is_held or not await is_repeated(request):
            raise


def _document(asked: CreateJob) -> Tree:
    given = asked.shown()
    return {name: given[name] for name in given if name not in ("jobId", "id", "run")}


async def new_version_of(request: web.Request, job_id: str, _: WholeVersion) -> NewJob:
    """A draft as the body has it, whole. Raises InvalidJob, NotFound, Conflict."""
    job = await job_called(request, job_id)
    if job is None:
        raise NotFound("no such job")
    require_draft(request, job)
    given = _document(await parsed_body(request, CreateJob))
    document = await with_keys_stored(request, given, job.id)
    draft = await drafted(request, document, job.created_by)
    return new_version(request, draft, job.id, job.name, hold=True, reason="updated")


async def _draft(request: web.Request, job: ByteniteJob) -> ByteniteJob:
    await require_operable(request, job.id)
    require_draft(request, job)
    return job


async def _created(request: web.Request, name: str, document: Tree) -> str:
    """Its id as its client calls it."""
    job_id, submitted_id = new_job_id(), ""
    try:
        document = await with_keys_stored(request, document, job_id)
        submitted_id = await _submitted(request, name, document, job_id)
    finally:
        if submitted_id != job_id:  # refused, or made by an earlier request: nobody needs its keys
            await ports(request).run(stored_secrets.delete_owned, job_id)
    return name or submitted_id


async def _submitted(request: web.Request, name: str, document: Tree, job_id: str) -> str:
    draft = await drafted(request, document, principal(request).creator)
    new = new_version(request, draft, job_id, name or job_id, hold=True, reason="submitted")
    new = replace(
        new,
        readers=readers_of(request, ()),
        key=await idempotency_key(request),
        size=len(await request.read()),
    )
    try:
        return (await ports(request).commands.submit(new, submitter_of(request))).job_id
    except NameTaken:
        refusal = Conflict(f"the id {name!r} was just taken, or you may not see its job")
        raise coded(request, "submit_id_conflict", refusal) from None


async def _changed(request: web.Request, job: ByteniteJob, changes: Tree) -> None:
    draft = await drafted(request, await edited(request, job, changes), job.created_by)
    await replaced(request, job, draft, reason="edited")


async def _edited(request: web.Request, job: ByteniteJob, changes: Tree) -> web.Response:
    require_draft(request, job)
    await _changed(request, job, changes)
    return await reply_job(request, job.name)


@JOBS.route(
    "PATCH /v1/computing/jobs/{id}/datasource",
    "Set the data source and destination of a draft",
    response("The job.", JobAnswer),
    {409: _STARTED, 422: _INVALID},
    scope=Scope.SUBMIT,
    body=EditDataSource,
    example={"dataSource": {"dataSourceDescriptor": "bypass"}},
)
async def edit_bytenite_data_source(request: web.Request) -> web.Response:
    asked = await parsed_body(request, EditDataSource)
    return await _edited(request, await operable_job(request), asked.shown())


@JOBS.route(
    "PATCH /v1/computing/jobs/{id}/params",
    "Set parameters of a draft",
    response("The job.", JobAnswer),
    {409: _STARTED, 422: _INVALID},
    scope=Scope.SUBMIT,
    body=EditParams,
    example={"app": {"width": 640}},
)
async def edit_bytenite_params(request: web.Request) -> web.Response:
    given = unwrapped(await parsed_body(request, EditParams), "params")
    job = await operable_job(request)
    params = {**job.document.get("params", {}), **given}
    return await _edited(request, job, {"params": params})


@JOBS.route(
    "PATCH /v1/computing/jobs/{id}/jobname",
    "Rename a draft",
    response("The job.", JobAnswer),
    {409: _STARTED, 422: _INVALID},
    scope=Scope.SUBMIT,
    body=EditName,
    example={"name": "clip"},
)
async def edit_bytenite_name(request: web.Request) -> web.Response:
    asked = await parsed_body(request, EditName)
    return await _edited(request, await operable_job(request), asked.shown())


@JOBS.route(
    "PATCH /v1/computing/jobs/{id}/configs",
    "Set time-outs and other configuration of a draft",
    response("The job.", JobAnswer),
    {409: _STARTED, 422: _INVALID},
    scope=Scope.SUBMIT,
    body=EditConfig,
    example={"taskTimeout": 3600},
)
async def edit_bytenite_config(request: web.Request) -> web.Response:
    given = unwrapped(await parsed_body(request, EditConfig), "config")
    job = await operable_job(request)
    config = merged(job.document.get("config", {}), given)
    return await _edited(request, job, {"config": config})


@JOBS.route(
    "GET /v1/computing/jobs/{id}",
    "Show a job",
    response("The job, and what it runs.", JobAnswer),
)
async def get_bytenite_job(request: web.Request) -> web.Response:
    """Also one that is deleted, as long as it is kept."""
    job = await with_temporary_url(request, await job_of(request))
    answer = job_answer(job, redacting(ports(request).sealer, job.sealed))
    units = ceil((await estimated(request, job)).amount)
    shown = answer.job.model_copy(update={"num_units_estimation": str(units)})
    return reply(answer.model_copy(update={"job": shown}))


@JOBS.route(
    "GET /v1/computing/jobs",
    "List jobs",
    response("A page of jobs.", JobList),
    query=ListQuery,
)
async def list_bytenite_jobs(request: web.Request) -> web.Response:
    asked = query(request, ListQuery)
    return await _listed(request, _listing(request, asked.order_by, asked.limit, asked.offset))


@JOBS.route(
    "POST /v1/computing/jobs/filter",
    "Find jobs",
    response("A page of jobs.", JobList),
    {422: error("The filter breaks a rule.")},
    body=FilterJobs,
    example={"pagination": {"limit": 20, "offset": 0}, "orderBy": "createdAt desc"},
)
async def filter_bytenite_jobs(request: web.Request) -> web.Response:
    asked = await parsed_body(request, FilterJobs)
    page = asked.pagination
    if not 1 <= page.limit <= _MOST or not 0 <= page.offset <= 2**31:
        rule = f"pagination: limit must be from 1 to {_MOST}, offset at least 0"
        raise coded(request, "bad_filter", BadRequest(rule))
    listing = _listing(request, asked.order_by, page.limit, page.offset)
    return await _listed(request, listing._replace(name=asked.name, template_id=asked.template_id))


def _listing(request: web.Request, order: str, limit: int, offset: int) -> Listing:
    name, _, direction = (order or "createdAt desc").strip().partition(" ")
    if name not in _ORDERS or direction.lower() not in ("", "asc", "desc"):
        rule = f"orderBy: {order[:60]!r} is not allowed: must be one of {', '.join(_ORDERS)}, and "
        raise coded(request, "bad_order", BadRequest(rule + "perhaps desc"))
    is_reversed = direction.lower() == "desc"
    return Listing(order_by=name, is_reversed=is_reversed, limit=limit, offset=offset)


async def _listed(request: web.Request, listing: Listing) -> web.Response:
    api = ports(request)
    found, total = await api.run(bytenite_jobs.page, listing, principal(request).readers)
    end = listing.offset + len(found)
    pagination = Pagination(
        total=total,
        offset=listing.offset,
        has_previous=listing.offset > 0 and total > 0,
        has_next=end < total,
    )
    jobs = [job_view(job, redacting(api.sealer, job.sealed)) for job in found]
    return reply(JobList(pagination=pagination, data=jobs))


JOB_ROUTES = at_both(
    create_bytenite_job,
    list_bytenite_jobs,
    filter_bytenite_jobs,
    get_bytenite_job,
    edit_bytenite_data_source,
    edit_bytenite_params,
    edit_bytenite_name,
    edit_bytenite_config,
)
